"""Conversations with an IMAP session, as mail programs have them."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from leap_plugin.bridge.imap.grammar.commands import Search, Verb
from leap_plugin.bridge.imap.grammar.lines import Limits
from leap_plugin.bridge.imap.grammar.searching import Containing, InHeader, Not, TextPlace
from leap_plugin.bridge.imap.session.ending import Ending, Replies
from leap_plugin.bridge.imap.session.mailboxes import MOST_FLAGS, Changes, Mailboxes
from leap_plugin.bridge.imap.session.messages import CHANGED_AT_ONCE, SelectedMessages
from leap_plugin.bridge.imap.session.selected import SelectedFolder
from leap_plugin.bridge.imap.session.session import MOST_BAD, ImapSession
from leap_plugin.bridge.imap.session.states import ALLOWED, Privacy, State, capabilities
from leap_plugin.bridge.receiving_room import ReceivingRoom
from loopixmix.errors import StoreError
from tests.worlds.mail_folders import MemoryMailboxes, OneAccount
from tests.worlds.mail_stores import NewMailboxes

MAIL = b"Subject: hi\r\nFrom: a@example.org\r\n\r\nHello, world\r\n"
FLAGS = frozenset[str]()


class Places:
    """Where the folders of this test are: each test is done with those in memory and with those in a store."""

    new: Callable[[], Mailboxes] = MemoryMailboxes


@pytest.fixture(params=("memory", "store"), autouse=True)
def _place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    made = NewMailboxes(tmp_path if request.param == "store" else None)
    Places.new = made
    yield
    made.close()


class Talk:
    """A client that says lines and hears the answers."""

    def __init__(self, mailboxes: Mailboxes | None = None, *, limits: Limits | None = None) -> None:
        self.session = ImapSession(OneAccount(mailboxes or Places.new()), limits)
        self.greeting = b"".join(self.session.output())

    def raw(self, data: bytes) -> bytes:
        self.session.receive(data)
        return b"".join(self.session.output())

    def say(self, line: str) -> list[str]:
        return self.raw(line.encode() + b"\r\n").decode().split("\r\n")[:-1]


def inbox(*mails: bytes) -> Mailboxes:
    mailboxes = Places.new()
    for mail in mails:
        mailboxes.append("INBOX", mail, FLAGS, None)
    return mailboxes


def logged_in(mailboxes: Mailboxes | None = None, *, selected: bool = False) -> Talk:
    talk = Talk(mailboxes)
    assert talk.say("a LOGIN alice secret")[-1].startswith("a OK")
    if selected:
        assert talk.say("b SELECT INBOX")[-1] == "b OK [READ-WRITE] selected"
    return talk


def test_the_greeting_offers_what_works() -> None:
    assert Talk().greeting == b"* OK [CAPABILITY " + capabilities(Privacy.IN_CLEAR) + b"] LoopixMix is ready\r\n"


@pytest.mark.parametrize("state", list(State))
def test_a_command_is_refused_in_a_state_that_is_not_its_own(state: State) -> None:
    if state is State.LOGOUT:
        return
    for verb in set(Verb) - ALLOWED[state]:
        talk = Talk() if state is State.NOT_AUTHENTICATED else logged_in(selected=state is State.SELECTED)
        line = {
            Verb.AUTHENTICATE: "PLAIN",
            Verb.LOGIN: "alice secret",
            Verb.FETCH: "1 FLAGS",
            Verb.STORE: "1 FLAGS ()",
            Verb.SEARCH: "ALL",
            Verb.COPY: "1 x",
            Verb.MOVE: "1 x",
            Verb.LIST: '"" *',
            Verb.LSUB: '"" *',
            Verb.RENAME: "x y",
            Verb.STATUS: "x (MESSAGES)",
            Verb.APPEND: "x {1+}\r\nx",
        }.get(verb, "x" if verb in _WITH_FOLDER else "")
        (answer,) = talk.say(f"t {verb.value} {line}".rstrip())
        assert answer == f"t BAD {verb.value} is not for the state '{state.value}'"


_WITH_FOLDER = (Verb.CREATE, Verb.DELETE, Verb.EXAMINE, Verb.SELECT, Verb.SUBSCRIBE, Verb.UNSUBSCRIBE)


def test_authenticate_plain_with_and_without_a_first_response() -> None:
    good = base64.b64encode(b"\0alice\0secret").decode()
    assert Talk().say(f"a AUTHENTICATE PLAIN {good}")[0].startswith("a OK [CAPABILITY")
    talk = Talk()
    assert talk.say("a AUTHENTICATE PLAIN") == ["+ "]
    assert talk.say(good)[0].startswith("a OK")
    other = base64.b64encode(b"bob\0alice\0secret").decode()
    assert Talk().say(f"a AUTHENTICATE PLAIN {other}") == ["a NO [AUTHENTICATIONFAILED] user or password is wrong"]
    talk = Talk()
    talk.say("a AUTHENTICATE PLAIN")
    assert talk.say("*") == ["a BAD this is no answer to PLAIN"]
    assert Talk().say("a AUTHENTICATE CRAM-MD5")[0].startswith("a NO")


def test_three_wrong_passwords_end_the_connection() -> None:
    talk = Talk()
    for _ in range(2):
        assert talk.say("a LOGIN alice wrong") == ["a NO [AUTHENTICATIONFAILED] user or password is wrong"]
    assert talk.say("a LOGIN alice wrong")[-1] == "* BYE too many wrong passwords"
    assert talk.session.ended
    assert talk.say("a LOGIN alice secret") == []


def test_select_tells_what_a_client_needs() -> None:
    talk = logged_in(inbox(MAIL, MAIL))
    assert talk.say("s SELECT inbox") == [
        r"* FLAGS (\Answered \Deleted \Draft \Flagged \Seen)",
        "* 2 EXISTS",
        "* 0 RECENT",
        "* OK [UNSEEN 1] the first that is not seen",
        r"* OK [PERMANENTFLAGS (\Answered \Deleted \Draft \Flagged \Seen \*)] kept",
        "* OK [UIDVALIDITY 1] valid",
        "* OK [UIDNEXT 3] next",
        "s OK [READ-WRITE] selected",
    ]
    assert talk.say("s SELECT nowhere") == ["s NO [NONEXISTENT] there is no such folder"]
    assert talk.session.state is State.AUTHENTICATED


def test_examine_changes_nothing() -> None:
    mailboxes = inbox(MAIL)
    talk = logged_in(mailboxes)
    assert talk.say("s EXAMINE INBOX")[-1] == "s OK [READ-ONLY] selected"
    assert talk.say("f FETCH 1 (BODY[TEXT] FLAGS)")[-2:] == [" FLAGS ())", "f OK done"]
    for line in (r"STORE 1 +FLAGS (\Seen)", "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 Sent"):
        assert talk.say(f"x {line}")[-1].startswith("x NO [READ-ONLY]")
    assert talk.say("c CLOSE") == ["c OK done"]
    assert mailboxes.uids("INBOX") == [1]


def test_fetch_gives_the_bytes_that_are_asked_for() -> None:
    talk = logged_in(inbox(MAIL), selected=True)
    assert talk.raw(b"f FETCH 1 BODY.PEEK[]\r\n") == b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\nf OK done\r\n" % (
        len(MAIL),
        MAIL,
    )
    assert talk.say("f UID FETCH 1 BODY.PEEK[]<9.2>") == ["* 1 FETCH (UID 1 BODY[]<9> {2}", "hi)", "f OK done"]
    assert talk.say("f FETCH 1 (RFC822.SIZE INTERNALDATE FLAGS)") == [
        f'* 1 FETCH (RFC822.SIZE {len(MAIL)} INTERNALDATE "29-Nov-2026 12:00:00 +0000" FLAGS ())',
        "f OK done",
    ]
    assert talk.say("f FETCH 1 BODY[TEXT]") == [
        "* 1 FETCH (BODY[TEXT] {14}",
        "Hello, world",
        r" FLAGS (\Seen))",
        "f OK done",
    ]
    assert talk.say("f FETCH 1 FULL")[0].count('"TEXT" "PLAIN"') == 1
    assert talk.say("f FETCH 2 FLAGS") == ["f BAD there is no message of this number"]
    assert talk.say("f UID FETCH 7 FLAGS") == ["f OK done"]


def test_store_tells_the_new_flags_unless_it_is_silent() -> None:
    talk = logged_in(inbox(MAIL), selected=True)
    assert talk.say(r"s STORE 1 +FLAGS (\seen $Junk)") == [r"* 1 FETCH (FLAGS ($Junk \Seen))", "s OK done"]
    assert talk.say(r"s UID STORE 1 -FLAGS $junk") == [r"* 1 FETCH (UID 1 FLAGS (\Seen))", "s OK done"]
    assert talk.say(r"s STORE 1 FLAGS.SILENT (\Draft)") == ["s OK done"]
    assert talk.say("f FETCH 1 FLAGS") == [r"* 1 FETCH (FLAGS (\Draft))", "f OK done"]


def test_search_finds_numbers_or_uids() -> None:
    mailboxes = inbox(MAIL, MAIL, b"Subject: other\r\n\r\n")
    talk = logged_in(mailboxes, selected=True)
    talk.say(r"s STORE 1 +FLAGS (\Deleted)")
    talk.say("e EXPUNGE")
    assert talk.say("s SEARCH SUBJECT other") == ["* SEARCH 2", "s OK done"]
    assert talk.say("s UID SEARCH 1:* NOT SUBJECT x") == ["* SEARCH 2 3", "s OK done"]
    assert talk.say("s SEARCH SUBJECT nowhere") == ["* SEARCH", "s OK done"]
    assert talk.say("s SEARCH CHARSET KOI8-R ALL")[0].startswith("s NO [BADCHARSET (US-ASCII UTF-8)]")
    assert talk.say("s UID SEARCH UID 3:*") == ["* SEARCH 3", "s OK done"]


def test_append_tells_the_uid_and_keeps_the_bytes() -> None:
    mailboxes = Places.new()
    talk = logged_in(mailboxes)
    data = bytes(range(256)) + b"\r\n"
    assert talk.raw(b"a APPEND Sent (\\Seen) {258}\r\n") == b"+ send the literal\r\n"
    assert talk.raw(data + b"\r\n") == b"a OK [APPENDUID 2 1] done\r\n"
    assert mailboxes.read("Sent", 1) == data
    assert talk.say("a APPEND nowhere {1+}\r\nx") == ["a NO [TRYCREATE] there is no such folder"]
    full = talk.raw(b"a APPEND Sent {1000000+}\r\n" + b"x" * 1_000_000 + b"\r\n")
    assert full.startswith(b"a NO [OVERQUOTA]")


def test_copy_move_and_expunge_tell_uids() -> None:
    talk = logged_in(inbox(MAIL, MAIL, MAIL), selected=True)
    assert talk.say("c COPY 1:2 Sent") == ["c OK [COPYUID 2 1:2 1:2] done"]
    assert talk.say("c COPY 1 nowhere") == ["c NO [TRYCREATE] there is no such folder"]
    assert talk.say("m UID MOVE 2 Sent") == ["* OK [COPYUID 2 2 3] moved", "* 2 EXPUNGE", "m OK done"]
    talk.say(r"s STORE 1:* +FLAGS.SILENT (\Deleted)")
    assert talk.say("e UID EXPUNGE 3") == ["* 2 EXPUNGE", "e OK done"]
    assert talk.say("e EXPUNGE") == ["* 1 EXPUNGE", "e OK done"]
    assert talk.say("m UID MOVE 9 Sent") == ["m OK no message was there"]


def test_close_removes_without_a_word_and_unselect_keeps() -> None:
    mailboxes = inbox(MAIL)
    talk = logged_in(mailboxes, selected=True)
    talk.say(r"s STORE 1 +FLAGS.SILENT (\Deleted)")
    assert talk.say("u UNSELECT") == ["u OK done"]
    assert mailboxes.uids("INBOX") == [1]
    talk.say("s SELECT INBOX")
    assert talk.say("c CLOSE") == ["c OK done"]
    assert mailboxes.uids("INBOX") == []
    assert talk.session.state is State.AUTHENTICATED


def test_another_session_is_told_at_the_moments_that_are_allowed() -> None:
    mailboxes = inbox(MAIL, MAIL, MAIL)
    one, other = logged_in(mailboxes, selected=True), logged_in(mailboxes, selected=True)
    one.say(r"s STORE 1 +FLAGS (\Deleted \Seen)")
    assert other.say("n NOOP") == [r"* 1 FETCH (UID 1 FLAGS (\Deleted \Seen))", "n OK done"]
    one.say("e EXPUNGE")
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    # No number changes while messages are fetched by number; what is gone is said to be so.
    assert other.say("f FETCH 1:2 FLAGS") == [
        "* 2 FETCH (FLAGS ())",
        "* 4 EXISTS",
        "f NO [EXPUNGEISSUED] some of the messages are gone",
    ]
    assert other.say("s SEARCH ALL") == ["* SEARCH 2 3 4", "s OK done"]
    assert other.say("f UID FETCH 1:2 FLAGS") == ["* 2 FETCH (UID 2 FLAGS ())", "* 1 EXPUNGE", "f OK done"]
    assert other.say("n NOOP") == ["n OK done"]


def test_idle_tells_news_at_once() -> None:
    mailboxes = inbox(MAIL)
    talk = logged_in(mailboxes, selected=True)
    assert list(talk.session.news()) == []
    assert talk.say("i IDLE") == ["+ idling"]
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    assert list(talk.session.news()) == [b"* 2 EXISTS\r\n"]
    assert list(talk.session.news()) == []
    assert talk.say("done") == ["i OK done"]
    talk.say("i IDLE")
    assert talk.say("n NOOP") == ["i BAD DONE ends IDLE"]


def test_a_selected_folder_that_goes_ends_the_session() -> None:
    mailboxes = Places.new()
    one, other = logged_in(mailboxes), logged_in(mailboxes)
    one.say("s SELECT Sent")
    other.say("d DELETE Sent")
    other.say("c CREATE Sent")
    assert one.say("n NOOP") == ["* BYE the selected folder was deleted or renamed"]
    assert one.session.ended


@pytest.mark.parametrize(
    "command", [r"STORE 1 FLAGS (\Seen)", r"UID STORE 1 FLAGS (\Seen)", "MOVE 1 INBOX", "FETCH 1 BODY[]", "CLOSE"]
)
def test_a_new_folder_of_the_same_name_is_not_taken_for_the_one_that_was_selected(command: str) -> None:
    mailboxes = Places.new()
    mailboxes.append("Sent", MAIL, FLAGS, None)
    one, other = logged_in(mailboxes), logged_in(mailboxes)
    one.say("s SELECT Sent")
    other.say("d DELETE Sent")
    other.say("c CREATE Sent")
    mailboxes.append("Sent", b"Subject: another\r\n\r\n", frozenset({r"\Deleted"}), None)
    assert one.say(f"f {command}")[0] == "* BYE the selected folder was deleted or renamed"
    [left] = mailboxes.summaries("Sent", mailboxes.uids("Sent"))
    assert left.flags == {r"\Deleted"}


def test_a_store_that_fails_is_told_and_the_session_goes_on() -> None:
    class Broken(MemoryMailboxes):
        def summaries(self, folder: str, uids: object) -> list[object]:  # type: ignore[override]
            raise StoreError("the disk is gone")

    mailboxes = Broken()
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    talk = logged_in(mailboxes, selected=True)
    assert talk.say("f FETCH 1 FLAGS") == ["f NO [UNAVAILABLE] the mails cannot be reached: the disk is gone"]
    assert talk.say("n NOOP") == ["n OK done"]


def test_logout_and_the_commands_of_every_state() -> None:
    talk = Talk()
    assert talk.say("c CAPABILITY") == ["* CAPABILITY " + capabilities(Privacy.IN_CLEAR).decode(), "c OK done"]
    assert talk.say('i ID ("name" "x")') == ['* ID ("name" "LoopixMix")', "i OK done"]
    assert logged_in().say("n NAMESPACE") == ['* NAMESPACE (("" "/")) NIL NIL', "n OK done"]
    assert talk.say("l LOGOUT") == ["* BYE until next time", "l OK done"]
    assert talk.session.ended


def test_hostile_input_ends_within_bounds() -> None:
    talk = Talk()
    for _ in range(MOST_BAD - 1):
        (answer,) = talk.say("* NOOP")
        assert answer.startswith("* BAD")
    assert talk.say("* NOOP")[-1].startswith("* BYE")
    assert Talk().say("a LOGIN {99999999999}")[0].startswith("a NO [TOOBIG]")
    assert Talk().say("a LOGIN {99999999999+}")[-1].startswith("* BYE")
    # A message may be long only after the login.
    assert Talk().say("a APPEND x {100000}")[0].startswith("a NO [TOOBIG]")
    endless = Talk(limits=Limits(line_bytes=100, skipped_bytes=1_000))
    assert endless.raw(b"x" * 2_000).endswith(b"* BYE what follows cannot be read\r\n")
    assert Talk().say("a SEARCH " + "(" * 10_000)[0].startswith("a BAD")


def test_mistakes_between_good_commands_do_not_add_up() -> None:
    talk = Talk()
    for _ in range(2 * MOST_BAD):
        talk.say("* NOOP")
        assert talk.say("n NOOP") == ["n OK done"]


def test_a_password_is_in_no_answer() -> None:
    talk = Talk()
    assert b"hunter2" not in talk.raw(b"a LOGIN alice hunter2\r\n") + talk.raw(b"a LOGIN alice hunter2 x\r\n")


def test_flags_of_a_message_have_a_bound() -> None:
    talk = logged_in(inbox(MAIL), selected=True)
    for number in range(MOST_FLAGS):
        assert talk.say(f"s STORE 1 +FLAGS.SILENT k{number}") == ["s OK done"]
    assert talk.say("s STORE 1 +FLAGS more") == [f"s NO [LIMIT] a message has at most {MOST_FLAGS} flags"]
    assert talk.say("s STORE 1 +FLAGS.SILENT k1") == ["s OK done"]
    assert talk.say("s STORE 1 +FLAGS " + "x" * 65)[0].startswith("s BAD")


class Counting(MemoryMailboxes):
    """Counts how often messages are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_whole: list[int] = []
        self.read_headers: list[Sequence[int]] = []

    def read(self, folder: str, uid: int) -> bytes | None:
        self.read_whole.append(uid)
        return super().read(folder, uid)

    def headers(self, folder: str, uids: Sequence[int]) -> Mapping[int, bytes]:
        self.read_headers.append(uids)
        found = dict(super().headers(folder, uids))
        found.pop(OVERLONG, None)
        return found


OVERLONG = 3
"""The UID of a message whose header is too long to be read alone."""


def counted(count: int, mail: bytes = MAIL) -> tuple[Counting, Talk]:
    mailboxes = Counting()
    for _ in range(count):
        mailboxes.append("INBOX", mail, FLAGS, None)
    return mailboxes, logged_in(mailboxes, selected=True)


def test_for_headers_no_message_is_read_whole() -> None:
    mailboxes, talk = counted(70)
    answers = talk.say("f FETCH 4:70 (ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[]<0.20>)")
    assert answers[-3:] == ["Subject: hi", "From: a)", "f OK done"]
    assert mailboxes.read_whole == []
    assert len(mailboxes.read_headers) == 2
    assert talk.say("f FETCH 3 BODY.PEEK[HEADER.FIELDS (Subject)]")[1] == "Subject: hi"
    assert talk.say("f FETCH 4 BODY.PEEK[]<30.100>")[0] == "* 4 FETCH (BODY[]<30> {20}"
    assert mailboxes.read_whole == [3, 4]


def test_a_message_that_is_fetched_in_pieces_is_read_once() -> None:
    mailboxes, talk = counted(2, MAIL + b"x" * 100)
    for first in range(0, 150, 10):
        talk.say(f"f UID FETCH 2 BODY.PEEK[]<{first}.10>")
        talk.say(f"f UID FETCH 2 BODY.PEEK[1]<{first}.10>")
    assert mailboxes.read_whole == [2]
    talk.say("f FETCH 1 BODY.PEEK[TEXT]")
    talk.say("f FETCH 1 BODY.PEEK[TEXT]")
    assert mailboxes.read_whole == [2, 1, 1]


def said_by(replies: Replies) -> tuple[list[bytes], Ending]:
    pieces = []
    while True:
        try:
            pieces.append(next(replies))
        except StopIteration as ended:
            return pieces, ended.value


def test_a_search_reads_headers_where_they_are_enough_and_no_more_text_than_it_may() -> None:
    mailboxes, talk = counted(5)
    assert talk.say("s SEARCH SUBJECT hi SENTSINCE 1-Jan-1990") == ["* SEARCH", "s OK done"]
    assert talk.say("s SEARCH SUBJECT hi") == ["* SEARCH 1 2 3 4 5", "s OK done"]
    assert mailboxes.read_whole == [OVERLONG, OVERLONG]
    selected = SelectedFolder(mailboxes, "INBOX", read_only=True)
    key = Search("UTF-8", Not(Containing(TextPlace.BODY, b"nowhere")))
    for most_bytes, done in ((5 * len(MAIL), True), (5 * len(MAIL) - 1, False)):
        said = SelectedMessages(mailboxes, selected, most_searched_bytes=most_bytes).search(key)
        pieces, outcome = said_by(said)
        assert outcome.done is done
        assert b"".join(pieces) == (b"* SEARCH 1 2 3 4 5\r\n" if done else b"")
        assert pieces.count(b"") >= 4  # so that whoever drives the session can stop it


class Forgetful(MemoryMailboxes):
    """Remembers nothing of what was expunged."""

    def changes(self, folder: str, after: int) -> Changes:
        return replace(super().changes(folder, after), expunged=(), present=self.uids(folder))


def test_expunged_mails_are_told_also_when_they_are_forgotten() -> None:
    mailboxes = Forgetful()
    for _ in range(9):
        mailboxes.append("INBOX", MAIL, FLAGS, None)
    one, other = logged_in(mailboxes, selected=True), logged_in(mailboxes, selected=True)
    one.say(r"s STORE 1:7 +FLAGS.SILENT (\Deleted)")
    one.say("e EXPUNGE")
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    assert other.say("n NOOP") == [*(f"* {number} EXPUNGE" for number in range(7, 0, -1)), "* 3 EXISTS", "n OK done"]
    assert other.say("f UID FETCH 1:* UID")[:2] == ["* 1 FETCH (UID 8)", "* 2 FETCH (UID 9)"]


def test_a_message_without_room_is_told_to_come_again() -> None:
    room = ReceivingRoom(100_000)
    kept = room.take(50_000)
    session = ImapSession(OneAccount(Places.new()), room=room)
    talk = Talk()
    talk.session = session
    talk.raw(b"")
    talk.say("a LOGIN alice secret")
    assert talk.say("b APPEND Sent {70000}") == [
        "b NO [UNAVAILABLE] other long messages are coming in just now: try again in a moment"
    ]
    assert kept is not None
    kept.give_back()
    assert talk.say("c APPEND Sent {70000}") == ["+ send the literal"]


def test_a_search_may_not_work_for_ever() -> None:
    mailboxes, _ = counted(50)
    selected = SelectedFolder(mailboxes, "INBOX", read_only=True)
    ticks = itertools.count()
    for most_s, done in ((10_000.0, True), (20.0, False)):
        messages = SelectedMessages(mailboxes, selected, most_search_s=most_s, seconds=lambda: float(next(ticks)))
        pieces, outcome = said_by(messages.search(Search("UTF-8", InHeader("Subject", b"hi"))))
        assert outcome.done is done
        assert len(pieces) >= 10
    assert outcome.code == b"LIMIT"


def test_a_folder_that_is_swapped_within_a_command_is_not_touched() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.create("Work")
    for _ in range(CHANGED_AT_ONCE + 1):
        mailboxes.append("Work", MAIL, FLAGS, None)
    for line in (r"s STORE 1:* +FLAGS (\Deleted)", "f FETCH 1:* BODY[]", "t SEARCH TEXT hi"):
        talk = logged_in(mailboxes)
        talk.say("b SELECT Work")
        talk.session.receive(line.encode() + b"\r\n")
        output = talk.session.output()
        next(output)
        mailboxes.delete("Work")
        mailboxes.create("Work")
        for _ in range(CHANGED_AT_ONCE + 1):
            mailboxes.append("Work", b"another\r\n\r\n", FLAGS, None)
        rest = b"".join(output)
        assert b"BYE the selected folder was deleted or renamed" in rest
        assert b"another" not in rest
        uids = mailboxes.uids("Work")
        assert all(summary.flags == FLAGS for summary in mailboxes.summaries("Work", uids))

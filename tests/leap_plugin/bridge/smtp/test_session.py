"""SMTP submission without sockets: dialogues, hostile bytes, and any cutting of the input."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.receiving_room import ReceivingRoom
from leap_plugin.bridge.smtp.replies import SmtpReply, refusal
from leap_plugin.bridge.smtp.session import (
    LINE_BYTES,
    MOST_BAD,
    CheckRcpt,
    LogIn,
    Secrecy,
    SmtpSession,
    StartTls,
    Submit,
)
from leap_plugin.mail.submitting import RcptTo, SubmissionRefusedError
from tests.worlds.submissions import ALICE, PASSWORD, UNKNOWN, MemorySubmissions

BOB = "bob@provider-2.mix.invalid"
HELLO = b"EHLO me\r\n"
AUTH = b"AUTH PLAIN " + base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()) + b"\r\n"
FROM = f"MAIL FROM:<{ALICE}>\r\n".encode()
TO_BOB = f"RCPT TO:<{BOB}>\r\n".encode()


@dataclass
class Conversation:
    """A session whose questions are answered at once."""

    secrecy: Secrecy = Secrecy.PLAIN
    queue: MemorySubmissions = field(default_factory=MemorySubmissions)
    room: ReceivingRoom = field(default_factory=ReceivingRoom)

    def __post_init__(self) -> None:
        self.session = SmtpSession(self.queue.announcement, self.secrecy, self.room)
        self.heard = b""
        self._go_on()

    def say(self, *pieces: bytes) -> bytes:
        """Give bytes; return what the session says to them."""
        before = len(self.heard)
        for piece in pieces:
            self.session.receive(piece)
            self._go_on()
        return self.heard[before:]

    def _go_on(self) -> None:
        while (said := self.session.step()) is not None:
            match said:
                case bytes():
                    self.heard += said
                case LogIn(user, password):
                    self.session.logged_in(ALICE if (user, password) == (ALICE, PASSWORD) else None)
                case CheckRcpt(address, size_bytes):
                    self.session.rcpt_checked(_refusal_of(self.queue, address, size_bytes))
                case Submit(mail):
                    self.session.submitted(asyncio.run(self.queue.submit(mail)))
                case StartTls(reply):
                    self.heard += reply
                    self.session.secured()


def _refusal_of(queue: MemorySubmissions, address: str, size_bytes: int | None) -> SmtpReply | None:
    # Run by hand: nothing of it waits.
    try:
        queue.check_recipient(address, size_bytes).send(None)
    except StopIteration:
        return None
    except SubmissionRefusedError as error:
        return refusal(error.code, error.status, str(error))
    raise AssertionError("it waits")


def codes(heard: bytes) -> list[str]:
    """Return code and enhanced status of each reply, the last line of those with several."""
    lines = [line.decode() for line in heard.split(b"\r\n") if line and line[3:4] == b" "]
    found = [re.match(r"([0-9]{3}) ([245][.][0-9]+[.][0-9]+)?", line) for line in lines]
    return [" ".join(filter(None, each.groups())) for each in found if each]


def logged_in(secrecy: Secrecy = Secrecy.PLAIN) -> Conversation:
    found = Conversation(secrecy)
    assert codes(found.say(HELLO, AUTH)) == ["250", "235 2.7.0"]
    return found


def submitted(mail: bytes, *, most_bytes: int = 100_000) -> tuple[bytes, list[str]]:
    """Return a mail as it was taken, empty if it was not, and the last replies."""
    conversation = logged_in()
    conversation.queue.size_bytes = most_bytes
    conversation.say(FROM, TO_BOB, b"DATA\r\n")
    heard = conversation.say(mail, b"NOOP\r\n")
    taken = conversation.queue.taken
    return taken[0].mail if taken else b"", codes(heard)


def test_a_mail_is_taken_with_all_that_its_author_asked_for() -> None:
    conversation = logged_in()
    heard = conversation.say(
        f"MAIL FROM:<{ALICE}> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+2Bb AUTH=<>\r\n".encode(),
        f"RCPT TO:<{BOB}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bold@example.org\r\n".encode(),
        "RCPT TO:<jörg@example.org> NOTIFY=NEVER\r\n".encode(),
        b"DATA\r\n",
        b"Subject: hi\r\n\r\nHello\r\n.\r\n",
        b"QUIT\r\n",
    )
    assert codes(heard) == ["250 2.1.0", "250 2.1.5", "250 2.1.5", "354", "250 2.6.0", "221 2.0.0"]
    assert b"queued as mail-1" in heard
    assert conversation.session.ended
    [mail] = conversation.queue.taken
    assert mail.mail == b"Subject: hi\r\n\r\nHello\r\n"
    assert (mail.sender, mail.envelope_id, mail.returns_all) == (ALICE, "a+b", True)
    assert mail.recipients == (
        RcptTo(address=BOB, notify=frozenset({"SUCCESS", "DELAY"}), original="bob+old@example.org"),
        RcptTo(address="jörg@example.org", notify=frozenset({"NEVER"})),
    )
    assert conversation.queue.checked == [(BOB, 1000), ("jörg@example.org", 1000)]


def test_ehlo_announces_the_network_and_what_works() -> None:
    lines = Conversation().say(HELLO).decode().splitlines()
    assert lines[0] == "250-bridge.mix.invalid mix network: a short mail takes about 3 s"
    assert [line[4:] for line in lines[1:]] == [
        *("SIZE 100000", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN", "AUTH PLAIN LOGIN"),
    ]
    assert codes(Conversation().say(b"HELO me\r\n")) == ["250"]


DIALOGUES: Sequence[tuple[str, Sequence[bytes], Sequence[str]]] = (
    ("nothing before EHLO", [FROM, AUTH], ["503 5.5.1", "503 5.5.1"]),
    ("EHLO takes a name", [b"EHLO\r\n", b"EHLO  \r\n"], ["501 5.5.4", "501 5.5.4"]),
    ("no mail without a log-in", [HELLO, FROM, TO_BOB, b"DATA\r\n"], ["250", "530 5.7.0", "530 5.7.0", "530 5.7.0"]),
    ("an unknown mechanism", [HELLO, b"AUTH CRAM-MD5\r\n", b"AUTH\r\n"], ["250", "504 5.5.4", "501 5.5.4"]),
    ("AUTH PLAIN in two steps", [HELLO, b"AUTH PLAIN\r\n", AUTH[11:]], ["250", "334", "235 2.7.0"]),
    (
        "AUTH LOGIN",
        [HELLO, b"auth login\r\n", base64.b64encode(ALICE.encode()) + b"\r\n", b"cmlnaHQtcGFzc3dvcmQ=\r\n"],
        ["250", "334", "334", "235 2.7.0"],
    ),
    ("a log-in given up", [HELLO, b"AUTH PLAIN\r\n", b"*\r\n", b"NOOP\r\n"], ["250", "334", "501 5.7.0", "250 2.0.0"]),
    ("no base64", [HELLO, b"AUTH PLAIN !!\r\n", b"AUTH PLAIN aGk=\r\n"], ["250", "501 5.5.2", "501 5.5.2"]),
    ("an empty response", [HELLO, b"AUTH PLAIN =\r\n"], ["250", "501 5.5.2"]),
    ("a second log-in", [HELLO, AUTH, AUTH], ["250", "235 2.7.0", "503 5.5.1"]),
    (
        "acting for somebody else",
        [HELLO, b"AUTH PLAIN " + base64.b64encode(b"a\0b\0c") + b"\r\n"],
        ["250", "501 5.5.2"],
    ),
    ("sending as somebody else", [HELLO, AUTH, f"MAIL FROM:<{BOB}>\r\n".encode()], ["250", "235 2.7.0", "553 5.7.1"]),
    (
        "the null sender, and own names in any case",
        [HELLO, AUTH, b"MAIL FROM:<>\r\n", b"RSET\r\n", FROM.upper()],
        ["250", "235 2.7.0", "250 2.1.0", "250 2.0.0", "250 2.1.0"],
    ),
    ("a second MAIL", [HELLO, AUTH, FROM, FROM], ["250", "235 2.7.0", "250 2.1.0", "503 5.5.1"]),
    ("RCPT without MAIL", [HELLO, AUTH, TO_BOB], ["250", "235 2.7.0", "503 5.5.1"]),
    (
        "an unknown recipient",
        [HELLO, AUTH, FROM, f"RCPT TO:<{UNKNOWN}>\r\n".encode(), b"DATA\r\n"],
        ["250", "235 2.7.0", "250 2.1.0", "455 4.7.5", "554 5.5.1"],
    ),
    (
        "too long, and said so",
        [HELLO, AUTH, FROM[:-2] + b" SIZE=100001\r\n", FROM[:-2] + b" SIZE=100000\r\n"],
        ["250", "235 2.7.0", "552 5.3.4", "250 2.1.0"],
    ),
    (
        "bad parameters",
        [HELLO, AUTH]
        + [FROM[:-2] + b" " + word + b"\r\n" for word in (b"SIZE=x", b"SIZE", b"BODY=BINARYMIME", b"RET=SOME", b"X=1")]
        + [FROM[:-2] + b" " + word + b"\r\n" for word in (b"SIZE=1 SIZE=1", b"SMTPUTF8=1", b"ENVID=+zz", b"=")],
        ["250", "235 2.7.0", *["501 5.5.4"] * 4, "555 5.5.4", *["501 5.5.4"] * 4],
    ),
    (
        "bad parameters of RCPT",
        [HELLO, AUTH, FROM]
        + [
            TO_BOB[:-2] + b" " + word + b"\r\n"
            for word in (b"NOTIFY=NEVER,DELAY", b"NOTIFY", b"ORCPT=x", b"ORCPT=a;+0D")
        ],
        ["250", "235 2.7.0", "250 2.1.0", *["501 5.5.4"] * 4],
    ),
    (
        "paths",
        [HELLO, AUTH, b"MAIL FROM: <a@b>\r\n", b"MAIL FROM:a@b\r\n", b"MAIL TO:<a@b>\r\n", FROM, b"RCPT TO:<>\r\n"],
        ["250", "235 2.7.0", *["501 5.5.2"] * 3, "250 2.1.0", "501 5.1.3"],
    ),
    (
        "UTF-8 must be announced",
        [HELLO, AUTH, FROM, "RCPT TO:<jörg@example.org>\r\n".encode()],
        ["250", "235 2.7.0", "250 2.1.0", "553 5.6.7"],
    ),
    ("no UTF-8 at all", [b"EHLO \xff\r\n"], ["500 5.5.2"]),
    (
        "small talk",
        [b"NOOP\r\n", b"HELP\r\n", b"VRFY a\r\n", b"RSET\r\n"],
        ["250 2.0.0", "214 2.0.0", "252 2.5.0", "250 2.0.0"],
    ),
    ("what there is not", [b"EXPN a\r\n", b"BDAT 3\r\n", b"\r\n", b"DATA x\r\n"], ["500 5.5.1"] * 3 + ["501 5.5.4"]),
    ("line ends", [b"NOOP\n", b"NO\rOP\r\n", b"NO\0OP\r\n", b"NOOP\r\n"], ["500 5.5.2"] * 3 + ["250 2.0.0"]),
    ("STARTTLS where there is none", [HELLO, b"STARTTLS\r\n"], ["250", "503 5.5.1"]),
)


@pytest.mark.parametrize(("said", "replies"), [each[1:] for each in DIALOGUES], ids=[each[0] for each in DIALOGUES])
def test_a_dialogue(said: Sequence[bytes], replies: Sequence[str]) -> None:
    assert codes(Conversation().say(*said)) == list(replies)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n"),
        # RFC 5321, 4.5.2: a dot at the beginning is taken away although nobody put it there.
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n\r\n\r\n.\r\n", b"a\r\n\r\n\r\n"),
        (b"\0\xff\x80 \t\r\n.\r\n", b"\0\xff\x80 \t\r\n"),
        (b"x" * 90_000 + b"\r\n.\r\n", b"x" * 90_000 + b"\r\n"),
    ],
)
def test_a_mail_is_taken_byte_for_byte(given: bytes, taken: bytes) -> None:
    assert submitted(given) == (taken, ["250 2.6.0", "250 2.0.0"])


@pytest.mark.parametrize("smuggled", [b"\n.\r\n", b"\r\n.\n", b"\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n"])
def test_nothing_but_crlf_dot_crlf_ends_a_mail_and_a_mail_with_less_is_refused(smuggled: bytes) -> None:
    inside = b"a" + smuggled + f"MAIL FROM:<{BOB}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\nsmuggled".encode()
    assert submitted(inside + b"\r\n.\r\n") == (b"", ["550 5.5.2", "250 2.0.0"])


def test_a_mail_that_is_too_long_is_read_to_its_end_and_refused_with_the_limit() -> None:
    assert submitted(b"x" * 98 + b"\r\n.\r\n", most_bytes=100)[1] == ["250 2.6.0", "250 2.0.0"]
    assert submitted(b"x" * 99 + b"\r\n.\r\n", most_bytes=100) == (b"", ["552 5.3.4", "250 2.0.0"])
    assert submitted(b"x" * 10_000 + b"\r\n.\r\n", most_bytes=100) == (b"", ["552 5.3.4", "250 2.0.0"])
    # Its dots are doubled on the way only.
    assert submitted(b"..\r\n" * 33 + b".\r\n", most_bytes=100)[1] == ["250 2.6.0", "250 2.0.0"]


def test_the_limit_is_told() -> None:
    conversation = logged_in()
    assert b"100000 bytes" in conversation.say(FROM[:-2] + b" SIZE=99999999999999999999\r\n")


def test_three_wrong_passwords_end_the_connection() -> None:
    conversation = Conversation()
    wrong = b"AUTH PLAIN " + base64.b64encode(f"\0{ALICE}\0wrong".encode()) + b"\r\n"
    assert codes(conversation.say(HELLO, wrong, wrong, wrong)) == ["250", *["535 5.7.8"] * 3, "421 4.7.0"]
    assert conversation.session.ended
    assert conversation.say(AUTH) == b""


def test_many_commands_that_are_none_end_the_connection() -> None:
    conversation = Conversation()
    assert codes(conversation.say(b"WHAT\r\n" * (MOST_BAD + 5)))[-1] == "421 4.7.0"
    assert conversation.session.ended


def test_an_endless_line_ends_the_connection_and_a_long_one_does_not() -> None:
    conversation = Conversation()
    assert codes(conversation.say(b"NOOP " + b"x" * LINE_BYTES + b"\r\n", b"NOOP\r\n")) == ["500 5.5.2", "250 2.0.0"]
    assert codes(conversation.say(*[b"x" * 65_536] * 20)) == ["500 5.5.2", "421 4.7.0"]


@pytest.mark.parametrize("line", [b"POST / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n", b"Host: localhost\r\n"])
def test_a_page_in_a_browser_gets_nowhere(line: bytes) -> None:
    conversation = Conversation()
    assert codes(conversation.say(line)) == ["421 4.7.0"]
    assert conversation.session.ended


def test_a_hundred_recipients_are_taken_and_no_more() -> None:
    conversation = logged_in()
    assert codes(conversation.say(FROM, TO_BOB * 101)) == ["250 2.1.0", *["250 2.1.5"] * 100, "452 4.5.3"]


def test_with_starttls_no_password_is_taken_before_it() -> None:
    conversation = Conversation(Secrecy.STARTTLS)
    heard = conversation.say(HELLO)
    assert b"STARTTLS" in heard
    assert b"AUTH" not in heard
    assert codes(conversation.say(AUTH, b"STARTTLS\r\n")) == ["538 5.7.11", "220 2.0.0"]
    # All begins anew.
    assert codes(conversation.say(AUTH)) == ["503 5.5.1"]
    assert b"AUTH PLAIN LOGIN" in conversation.say(HELLO)
    assert codes(conversation.say(b"STARTTLS\r\n", AUTH)) == ["503 5.5.1", "235 2.7.0"]


def test_what_is_said_in_plain_text_after_starttls_ends_the_connection() -> None:
    conversation = Conversation(Secrecy.STARTTLS)
    assert codes(conversation.say(HELLO, b"STARTTLS\r\n" + FROM)) == ["250", "421 4.7.0"]
    assert conversation.session.ended


def test_nothing_that_others_give_gets_a_line_of_its_own_into_a_reply() -> None:
    assert refusal(550, "5.1.1", "a\r\n250 fine\x80").encode() == b"550 5.1.1 a??250 fine?\r\n"
    assert refusal(999, "x", "y").encode() == b"451 4.0.0 y\r\n"


def test_while_a_question_is_open_nothing_is_read() -> None:
    session = SmtpSession(MemorySubmissions().announcement, Secrecy.PLAIN)
    session.receive(HELLO + AUTH + b"NOOP\r\nQUIT\r\n")
    said = []
    while (step := session.step()) is not None:
        said.append(step)
    assert isinstance(said[-1], LogIn)
    assert session.is_asking
    assert not session.ended
    session.logged_in(ALICE)
    assert codes(b"".join(part for part in iter(session.step, None) if isinstance(part, bytes)))[-1] == "221 2.0.0"


WHOLE = b"".join(
    [
        *(HELLO, b"AUTH PLAIN\r\n", AUTH[11:], FROM[:-2] + b" SIZE=20\r\n", TO_BOB, b"RCPT TO:<" + UNKNOWN.encode()),
        *(b">\r\n", b"DATA\r\n", b"..a\r\n.b\r\n\r\n.\r\n", b"WHAT\r\n", FROM, TO_BOB, b"DATA\r\nx\ny\r\n.\r\n", FROM),
        *(TO_BOB, b"DATA\r\n.\r\n", FROM, TO_BOB, b"DATA\r\n", b"y" * 300, b"\r\n.\r\n", b"NOOP\n", b"QUIT\r\n"),
    ]
)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_any_cutting_of_the_input_gets_the_same_answers(places: list[int]) -> None:
    whole, pieces = Conversation(), Conversation()
    for conversation in (whole, pieces):
        conversation.queue.size_bytes = 200
    assert pieces.say(*cut(WHOLE, places)) == whole.say(WHOLE)
    assert pieces.queue == whole.queue
    assert [mail.mail for mail in whole.queue.taken] == [b".a\r\nb\r\n\r\n", b""]


@given(st.binary(max_size=400), st.lists(st.integers(0, 10_000), max_size=10))
def test_no_bytes_raise_an_error_and_every_reply_is_a_line(data: bytes, places: list[int]) -> None:
    conversation = logged_in()
    conversation.say(*cut(data + b"\r\n", places), FROM, TO_BOB, b"DATA\r\n", data, b"\r\n.\r\n")
    for line in conversation.heard.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert b"\n" not in line
        assert len(line) <= 510


def test_mails_that_come_at_the_same_time_have_room_together() -> None:
    room = ReceivingRoom(250_000)
    talks = [Conversation(room=room) for _ in range(4)]
    for talk in talks:
        talk.say(HELLO, AUTH, FROM, TO_BOB)
    # 100,000 bytes are announced, and no mail says how long it is.
    answers = [talk.say(b"DATA\r\n")[:3] for talk in talks]
    assert answers == [b"354", b"354", b"452", b"452"]
    talks[0].say(b"Subject: x\r\n\r\nx\r\n.\r\n")
    assert talks[2].say(b"DATA\r\n").startswith(b"354")
    assert talks[3].say(b"DATA\r\n").startswith(b"452 4.3.1 other long mails are coming in just now")
    talks[1].session.lost()
    assert talks[3].say(b"DATA\r\n").startswith(b"354")


def test_a_mail_takes_the_room_that_it_asked_for() -> None:
    room = ReceivingRoom(250_000)
    talks = [Conversation(room=room) for _ in range(4)]
    for talk in talks:
        talk.say(HELLO, AUTH, FROM.replace(b">", b"> SIZE=100"), TO_BOB)
    assert [talk.say(b"DATA\r\n")[:3] for talk in talks] == [b"354", b"354", b"354", b"452"]
    assert talks[0].say(b"x" * 70_000 + b"\r\n.\r\n").startswith(b"552")
    assert talks[3].say(b"DATA\r\n").startswith(b"354")

"""What every implementation of the folders of an account keeps to: that in a store, and the fake in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from leap_plugin.bridge.imap.session.mailboxes import (
    FlagChange,
    FolderExistsError,
    FullError,
    Mailboxes,
    MailFolder,
    MailFolderError,
    NoFolderError,
)
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.mail_folders import MOST_BYTES, MemoryMailboxes
from tests.worlds.mail_stores import FEW_FOLDERS, MailStoreOnDisk

MAIL = b"Subject: hi\r\n\r\n" + bytes(range(256))
FLAGS = frozenset[str]()


@pytest.fixture(params=("memory", *SQLITE_AND_POSTGRES))
def mailboxes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mailboxes]:
    if request.param == "memory":
        yield MemoryMailboxes()
        return
    store = MailStoreOnDisk(tmp_path, url=new_database(request.param, tmp_path))
    yield store.mailboxes(store.account(first_folders=FEW_FOLDERS), most_bytes=MOST_BYTES)
    store.close()


def add(mailboxes: Mailboxes, count: int, folder: str = "INBOX") -> list[int]:
    return [mailboxes.append(folder, MAIL + b"%d" % number, FLAGS, None) for number in range(count)]


def marked(mailboxes: Mailboxes, sign: str, *flags: str, uids: tuple[int, ...] = (1,)) -> frozenset[str]:
    mailboxes.change_flags("INBOX", uids, FlagChange(sign, frozenset(flags)))
    (summary,) = mailboxes.summaries("INBOX", uids[:1])
    return summary.flags


def test_a_mail_comes_back_byte_for_byte_with_its_date(mailboxes: Mailboxes) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-7)))
    uid = mailboxes.append("INBOX", MAIL, frozenset({"\\Seen", "$Junk"}), at)
    assert mailboxes.read("INBOX", uid) == MAIL
    (summary,) = mailboxes.summaries("INBOX", [uid, 99])
    assert (summary.uid, summary.flags, summary.size_bytes) == (1, frozenset({"\\Seen", "$Junk"}), len(MAIL))
    assert summary.arrived_at == at
    assert summary.arrived_at.utcoffset() == timedelta(hours=-7)
    assert mailboxes.read("INBOX", 99) is None
    assert mailboxes.headers("INBOX", [99, uid]) == {1: b"Subject: hi\r\n\r\n"}


@pytest.mark.parametrize("message", [b"", b"\r\n", b"x", b"a: b", b"a: b\n\nc", b"\0\r\n\r\n\xff", b"\r\n\r\n"])
def test_a_strange_mail_comes_back_too(mailboxes: Mailboxes, message: bytes) -> None:
    uid = mailboxes.append("INBOX", message, FLAGS, datetime(1900, 1, 1, tzinfo=UTC))
    assert mailboxes.read("INBOX", uid) == message
    assert mailboxes.summaries("INBOX", [uid])[0].arrived_at == datetime(1900, 1, 1, tzinfo=UTC)


def test_the_state_counts_and_finds_the_first_unseen(mailboxes: Mailboxes) -> None:
    assert mailboxes.state("INBOX").first_unseen is None
    add(mailboxes, 3)
    marked(mailboxes, "+", "\\Seen")
    state = mailboxes.state("INBOX")
    assert (state.messages, state.unseen, state.first_unseen, state.uid_next) == (3, 2, 2, 4)
    assert mailboxes.state("Sent").messages == 0
    assert mailboxes.state("Sent").uid_validity != state.uid_validity


def test_flags_are_added_removed_and_replaced_in_any_case(mailboxes: Mailboxes) -> None:
    add(mailboxes, 1)
    assert marked(mailboxes, "+", "\\Seen", "Work") == {"\\Seen", "Work"}
    assert marked(mailboxes, "-", "work") == {"\\Seen"}
    assert marked(mailboxes, "", "\\Draft") == {"\\Draft"}
    mailboxes.change_flags("INBOX", [77], FlagChange("+", frozenset({"\\Seen"})))


def test_changes_tell_what_arrived_went_and_changed_after_a_moment(mailboxes: Mailboxes) -> None:
    add(mailboxes, 3)
    before = mailboxes.state("INBOX").moment
    assert not mailboxes.changes("INBOX", before).arrived
    marked(mailboxes, "+", "\\Deleted", uids=(2,))
    middle = mailboxes.state("INBOX").moment
    mailboxes.expunge("INBOX", None)
    add(mailboxes, 1)
    marked(mailboxes, "+", "\\Seen", uids=(4,))
    changes = mailboxes.changes("INBOX", before)
    assert (list(changes.arrived), list(changes.expunged)) == ([4], [2])
    assert changes.flagged == {4: {"\\Seen"}}
    assert changes.present is None
    assert list(mailboxes.changes("INBOX", middle).expunged) == [2]
    assert changes.moment > middle > before
    nothing = mailboxes.changes("INBOX", changes.moment)
    assert (list(nothing.arrived), list(nothing.expunged), dict(nothing.flagged)) == ([], [], {})


def test_a_uid_never_comes_again(mailboxes: Mailboxes) -> None:
    add(mailboxes, 2)
    marked(mailboxes, "+", "\\Deleted", uids=(2,))
    mailboxes.expunge("INBOX", None)
    assert add(mailboxes, 1) == [3]
    assert list(mailboxes.uids("INBOX")) == [1, 3]


def test_copies_share_nothing_that_can_be_seen(mailboxes: Mailboxes) -> None:
    add(mailboxes, 3)
    marked(mailboxes, "+", "\\Flagged", uids=(1,))
    assert list(mailboxes.copy("INBOX", [1, 3, 9], "Sent")) == [(1, 1), (3, 2)]
    marked(mailboxes, "", "\\Deleted", uids=(1,))
    assert [one.flags for one in mailboxes.summaries("Sent", [1, 2])] == [{"\\Flagged"}, FLAGS]
    mailboxes.expunge("INBOX", None)
    assert mailboxes.read("INBOX", 1) is None
    assert mailboxes.read("Sent", 1) == MAIL + b"0"
    assert list(mailboxes.copy("INBOX", [9], "Sent")) == []


def test_a_move_takes_away_and_both_folders_tell(mailboxes: Mailboxes) -> None:
    add(mailboxes, 3)
    moment = mailboxes.state("INBOX").moment
    assert list(mailboxes.move("INBOX", [2, 3], "Sent")) == [(2, 1), (3, 2)]
    assert list(mailboxes.uids("INBOX")) == [1]
    assert list(mailboxes.changes("INBOX", moment).expunged) == [2, 3]
    assert list(mailboxes.changes("Sent", moment).arrived) == [1, 2]


def test_expunge_takes_what_is_marked_and_named(mailboxes: Mailboxes) -> None:
    add(mailboxes, 4)
    marked(mailboxes, "+", "\\Deleted", uids=(1, 2, 3))
    mailboxes.expunge("INBOX", [2, 4, 9])
    assert list(mailboxes.uids("INBOX")) == [1, 3, 4]
    mailboxes.expunge("INBOX", None)
    assert list(mailboxes.uids("INBOX")) == [4]


def test_folders_are_made_with_those_above_renamed_with_those_below_and_deleted(mailboxes: Mailboxes) -> None:
    mailboxes.create("a_b/c")
    mailboxes.create("A_b/x")
    add(mailboxes, 1, "a_b/c")
    validity = mailboxes.state("a_b/c").uid_validity
    with pytest.raises(FolderExistsError):
        mailboxes.create("a_b")
    with pytest.raises(FolderExistsError):
        mailboxes.rename("a_b", "Sent")
    mailboxes.rename("a_b", "d/e")
    names = [folder.name for folder in mailboxes.folders()]
    assert names == ["A_b", "A_b/x", "INBOX", "Sent", "d", "d/e", "d/e/c"]
    assert mailboxes.state("d/e/c").uid_validity == validity
    assert mailboxes.read("d/e/c", 1) == MAIL + b"0"
    with pytest.raises(MailFolderError):
        mailboxes.delete("d/e")
    with pytest.raises(MailFolderError):
        mailboxes.delete("INBOX")
    mailboxes.delete("d/e/c")
    mailboxes.create("d/e/c")
    assert mailboxes.state("d/e/c").uid_validity > validity
    assert list(mailboxes.uids("d/e/c")) == []


def test_of_inbox_the_mails_are_renamed(mailboxes: Mailboxes) -> None:
    add(mailboxes, 2)
    mailboxes.rename("INBOX", "Old")
    assert list(mailboxes.uids("INBOX")) == []
    assert list(mailboxes.uids("Old")) == [1, 2]


def test_a_folder_that_is_not_there_is_told_by_each_method(mailboxes: Mailboxes) -> None:
    change = FlagChange("", FLAGS)
    for use in (
        lambda: mailboxes.delete("x"),
        lambda: mailboxes.rename("x", "y"),
        lambda: mailboxes.subscribe("x", True),
        lambda: mailboxes.state("x"),
        lambda: mailboxes.uids("x"),
        lambda: mailboxes.summaries("x", [1]),
        lambda: mailboxes.read("x", 1),
        lambda: mailboxes.headers("x", [1]),
        lambda: mailboxes.changes("x", 0),
        lambda: mailboxes.change_flags("x", [1], change),
        lambda: mailboxes.append("x", b"", FLAGS, None),
        lambda: mailboxes.copy("x", [1], "INBOX"),
        lambda: mailboxes.copy("INBOX", [1], "x"),
        lambda: mailboxes.move("INBOX", [1], "x"),
        lambda: mailboxes.expunge("x", None),
    ):
        with pytest.raises(NoFolderError):
            use()
    assert [folder.name for folder in mailboxes.folders()] == ["INBOX", "Sent"]


def test_subscriptions_and_uses_are_told(mailboxes: Mailboxes) -> None:
    mailboxes.subscribe("INBOX", False)
    assert list(mailboxes.folders()) == [MailFolder("INBOX", None, False), MailFolder("Sent", "\\Sent", True)]


def test_a_full_account_takes_no_more(mailboxes: Mailboxes) -> None:
    mailboxes.append("INBOX", b"x" * (MOST_BYTES - 1), FLAGS, None)
    with pytest.raises(FullError):
        mailboxes.append("INBOX", b"xx", FLAGS, None)
    marked(mailboxes, "+", "\\Deleted")
    mailboxes.expunge("INBOX", None)
    mailboxes.append("INBOX", b"xx", FLAGS, None)


def test_many_mails_at_once(mailboxes: Mailboxes) -> None:
    add(mailboxes, 10)
    while len(uids := list(mailboxes.uids("INBOX"))) < 1_200:
        mailboxes.copy("INBOX", uids[:600], "INBOX")
    uids = uids[:1_200]
    mailboxes.move("INBOX", list(mailboxes.uids("INBOX"))[1_200:], "Sent")
    mailboxes.change_flags("INBOX", uids[::3], FlagChange("+", frozenset({"\\Seen"})))
    assert [one.uid for one in mailboxes.summaries("INBOX", uids) if one.flags] == uids[::3]
    assert [one.uid for one in mailboxes.summaries("INBOX", uids[::5])] == uids[::5]
    assert mailboxes.state("INBOX").unseen == 800
    assert len(mailboxes.move("INBOX", uids[::2], "Sent")) == 600
    assert list(mailboxes.uids("INBOX")) == uids[1::2]


def test_a_pinned_folder_is_not_confused_with_another_one_of_its_name(mailboxes: Mailboxes) -> None:
    mailboxes.create("Work")
    add(mailboxes, 2, "Work")
    pinned = mailboxes.pinned("Work", mailboxes.state("Work").uid_validity)
    pinned.change_flags("Work", [1], FlagChange("+", frozenset({"\\Seen"})))
    assert pinned.read("Work", 1) is not None
    assert pinned.copy("Work", [1], "INBOX") == [(1, 1)]
    mailboxes.rename("Work", "Other")
    with pytest.raises(NoFolderError):
        pinned.read("Work", 1)
    mailboxes.create("Work")
    add(mailboxes, 2, "Work")
    for work in (
        lambda: pinned.read("Work", 1),
        lambda: pinned.summaries("Work", [1]),
        lambda: pinned.headers("Work", [1]),
        lambda: pinned.change_flags("Work", [1], FlagChange("+", frozenset({"\\Deleted"}))),
        lambda: pinned.move("Work", [1], "INBOX"),
        lambda: pinned.expunge("Work", None),
    ):
        with pytest.raises(NoFolderError):
            work()
    assert [summary.flags for summary in mailboxes.summaries("Work", [1, 2])] == [FLAGS, FLAGS]

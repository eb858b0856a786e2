"""What stands in the tables: shared bytes, their end, and a bounded memory of what was expunged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from leap_plugin.bridge.imap.session.mailboxes import FlagChange
from leap_plugin.store.accounts import used_bytes
from leap_plugin.store.folders import MOST_BEGINNING_BYTES, MOST_EXPUNGED, remove
from leap_plugin.store.schema import contents, expunged, mails
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.mail_stores import MailStoreOnDisk

MAIL = b"Subject: hi\r\n\r\n" + b"marked text " * 1_000
FLAGS = frozenset[str]()


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MailStoreOnDisk]:
    made = MailStoreOnDisk(tmp_path, url=new_database(request.param, tmp_path))
    yield made
    made.close()


def kept(store: MailStoreOnDisk, account: int) -> tuple[int, int]:
    """Return how many contents there are, and how many bytes the account uses."""

    def work(connection: Connection) -> tuple[int, int]:
        count = connection.execute(select(func.count()).select_from(contents)).scalar_one()
        return count, used_bytes(connection, account)

    return store.opened.read(work)


def test_copies_share_their_bytes_which_go_with_the_last_of_them(store: MailStoreOnDisk) -> None:
    account = store.account()
    mailboxes = store.mailboxes(account)
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    mailboxes.copy("INBOX", [1], "Archive")
    mailboxes.copy("INBOX", [1], "INBOX")
    assert kept(store, account) == (1, len(MAIL))
    mailboxes.move("INBOX", [1, 2], "Trash")
    store.opened.write(lambda connection: remove(connection, account, "Archive", [1, 5]))
    assert kept(store, account) == (1, len(MAIL))
    mailboxes.change_flags("Trash", [1, 2], FlagChange("+", frozenset({"\\Deleted"})))
    mailboxes.expunge("Trash", None)
    assert kept(store, account) == (0, 0)


def test_the_bytes_go_with_their_folder(store: MailStoreOnDisk) -> None:
    account = store.account()
    mailboxes = store.mailboxes(account)
    mailboxes.create("Old")
    for number in range(3):
        mailboxes.append("Old", MAIL + b"%d" % number, FLAGS, None)
    mailboxes.copy("Old", [2], "INBOX")
    mailboxes.delete("Old")
    assert kept(store, account) == (1, len(MAIL) + 1)
    assert mailboxes.read("INBOX", 1) == MAIL + b"1"


def test_what_is_deleted_is_not_left_in_the_file(tmp_path: Path) -> None:
    store = MailStoreOnDisk(tmp_path)
    account = store.account()
    mailboxes = store.mailboxes(account)
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    store.close()
    assert b"marked text" in (tmp_path / "mail.db").read_bytes()
    store = MailStoreOnDisk(tmp_path)
    store.opened.write(lambda connection: remove(connection, account, "INBOX", [1]))
    store.close()
    assert b"marked text" not in (tmp_path / "mail.db").read_bytes()


def test_an_overlong_header_is_not_read_alone_but_comes_back_whole(store: MailStoreOnDisk) -> None:
    mailboxes = store.mailboxes(store.account())
    long = b"A: " + b"x" * MOST_BEGINNING_BYTES + b"\r\n\r\nbody"
    mailboxes.append("INBOX", long, FLAGS, None)
    mailboxes.append("INBOX", MAIL, FLAGS, None)
    assert mailboxes.headers("INBOX", [1, 2]) == {2: b"Subject: hi\r\n\r\n"}
    assert mailboxes.read("INBOX", 1) == long


def test_expunged_mails_are_remembered_up_to_a_bound_and_afterwards_by_comparing(store: MailStoreOnDisk) -> None:
    account = store.account()
    mailboxes = store.mailboxes(account)
    for _ in range(3):
        mailboxes.append("INBOX", MAIL, FLAGS, None)
    before = mailboxes.state("INBOX").moment
    store.opened.write(lambda connection: remove(connection, account, "INBOX", [1]))
    middle = mailboxes.state("INBOX").moment
    assert list(mailboxes.changes("INBOX", before).expunged) == [1]

    def expunge_many(connection: Connection) -> None:
        folder = connection.execute(select(mails.c.folder).limit(1)).scalar_one()
        rows = [{"folder": folder, "moment": middle, "uid": 10 + number} for number in range(MOST_EXPUNGED)]
        connection.execute(insert(expunged), rows)

    store.opened.write(expunge_many)
    store.opened.write(lambda connection: remove(connection, account, "INBOX", [3]))
    old = mailboxes.changes("INBOX", before)
    assert (list(old.expunged), list(old.present or ())) == ([], [2])
    recent = mailboxes.changes("INBOX", middle)
    assert (list(recent.expunged), recent.present) == ([3], None)
    rows = store.opened.read(lambda connection: connection.execute(select(func.count()).select_from(expunged)).scalar())
    assert rows == 1

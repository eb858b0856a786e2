"""Accounts keep apart, and each begins with its folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from leap_plugin.bridge.imap.session.mailboxes import MailFolderError
from leap_plugin.store.accounts import FIRST_FOLDERS, account_number, erase_account, next_moment, used_bytes
from leap_plugin.store.schema import metadata
from loopixmix.errors import MisuseError
from tests.worlds.mail_stores import MailStoreOnDisk

OURS = ("accounts", "folders", "contents", "mails", "expunged")


def test_a_new_account_has_its_folders_and_is_made_once(tmp_path: Path) -> None:
    store = MailStoreOnDisk(tmp_path)
    account = store.account()
    assert store.account() == account
    folders = store.mailboxes(account).folders()
    assert {folder.name: folder.special_use for folder in folders} == dict(FIRST_FOLDERS)
    states = [store.mailboxes(account).state(folder.name).uid_validity for folder in folders]
    assert len(set(states)) == len(states)
    store.close()


def test_the_uidvalidity_of_a_store_that_was_made_again_is_greater(tmp_path: Path) -> None:
    store = MailStoreOnDisk(tmp_path)
    old, new = (
        store.opened.write(lambda connection, at_s=at_s: account_number(connection, f"a@{at_s}", now_s=at_s))
        for at_s in (1_000.5, 2_000.5)
    )
    validities = [store.mailboxes(account).state("INBOX").uid_validity for account in (old, new)]
    assert validities == [1_000, 2_000]
    store.close()


@pytest.mark.parametrize("folder", ["INBOX", "Outbox", "Outbox/Anonymous"])
def test_the_folders_that_the_program_uses_stay(tmp_path: Path, folder: str) -> None:
    store = MailStoreOnDisk(tmp_path)
    mailboxes = store.mailboxes(store.account())
    with pytest.raises(MailFolderError):
        mailboxes.delete(folder)
    if folder != "INBOX":
        with pytest.raises(MailFolderError):
            mailboxes.rename(folder, "Elsewhere")
    mailboxes.rename("Sent", "Elsewhere/Sent")
    assert next(one for one in mailboxes.folders() if one.name == "Elsewhere/Sent").special_use == "\\Sent"
    store.close()


def test_accounts_see_nothing_of_each_other_and_one_can_be_erased(tmp_path: Path) -> None:
    store = MailStoreOnDisk(tmp_path)
    alice, bob = store.account("alice@one"), store.account("bob@one")
    for account in (alice, bob):
        mailboxes = store.mailboxes(account)
        mailboxes.append("INBOX", b"a: b\r\n\r\n" + b"%d" % account, frozenset(), None)
        mailboxes.copy("INBOX", [1], "Sent")
        mailboxes.move("INBOX", [1], "Trash")
    store.opened.write(lambda connection: erase_account(connection, "alice@one"))
    store.opened.write(lambda connection: erase_account(connection, "nobody@one"))
    assert store.mailboxes(bob).read("Sent", 1) == b"a: b\r\n\r\n%d" % bob

    def rows(connection: Connection) -> dict[str, int]:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }

    assert {name: n for name, n in store.opened.read(rows).items() if name in OURS} == {
        "accounts": 1,
        "folders": len(FIRST_FOLDERS),
        "contents": 1,
        "mails": 2,
        "expunged": 1,
    }
    assert store.opened.read(lambda connection: used_bytes(connection, bob)) == 9
    with pytest.raises(MisuseError):
        store.opened.write(lambda connection: next_moment(connection, alice))
    store.close()

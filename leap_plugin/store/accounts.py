"""The accounts of a mail store, and the folders that each has from the beginning."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select, update

from leap_plugin.bridge.imap.session.mailboxes import INBOX
from leap_plugin.store.schema import accounts, contents, folders, mails
from loopixmix.errors import MisuseError

OUTBOX = "Outbox"
ANONYMOUS_OUTBOX = "Outbox/Anonymous"
FIRST_FOLDERS: Mapping[str, str | None] = {
    INBOX: None,
    "Archive": "\\Archive",
    "Drafts": "\\Drafts",
    "Junk": "\\Junk",
    OUTBOX: None,
    ANONYMOUS_OUTBOX: None,
    "Sent": "\\Sent",
    "Trash": "\\Trash",
}
"""The folders of a new account, and what each is for (RFC 6154 section 2)."""
KEPT_FOLDERS = frozenset({INBOX, OUTBOX, ANONYMOUS_OUTBOX})
"""Folders that this program itself puts mails into: they are not deleted or renamed."""


def account_number(
    connection: Connection, address: str, *, now_s: float, first_folders: Mapping[str, str | None] = FIRST_FOLDERS
) -> int:
    """Return the number of the account of an address; one that is new is made, with its folders.

    `now_s`: the time of day. Its seconds are where the UIDVALIDITY of folders begins, so that a store that was lost and
    made again does not give an old one twice (RFC 3501 section 2.3.1.1).
    """
    number = connection.execute(select(accounts.c.number).where(accounts.c.address == address)).scalar_one_or_none()
    if number is not None:
        return int(number)
    begins = max(1, int(now_s))
    values = {"address": address, "moment": 1, "uid_validity": begins + len(first_folders) - 1, "used_bytes": 0}
    made = connection.execute(insert(accounts).returning(accounts.c.number), values).scalar_one()
    connection.execute(
        insert(folders),
        [
            {
                "account": made,
                "name": name,
                "special_use": use,
                "subscribed": True,
                "uid_validity": begins + position,
                "uid_next": 1,
                "forgotten": 0,
            }
            for position, (name, use) in enumerate(first_folders.items())
        ],
    )
    return int(made)


def next_moment(connection: Connection, account: int) -> int:
    """Count a change of an account, and return its number; raises MisuseError if there is no such account."""
    counted = update(accounts).where(accounts.c.number == account).values(moment=accounts.c.moment + 1)
    moment = connection.execute(counted.returning(accounts.c.moment)).scalar_one_or_none()
    if moment is None:
        raise MisuseError("there is no such mail account in the store")
    return int(moment)


def last_moment(connection: Connection, account: int) -> int:
    """Return the number of the last change of an account."""
    return int(connection.execute(select(accounts.c.moment).where(accounts.c.number == account)).scalar_one())


def used_bytes(connection: Connection, account: int) -> int:
    """Return how many bytes the mails of an account have; copies count once."""
    return int(connection.execute(select(accounts.c.used_bytes).where(accounts.c.number == account)).scalar_one())


def erase_account(connection: Connection, address: str) -> None:
    """Remove an account with its folders and mails, if there is one of this address."""
    number = connection.execute(select(accounts.c.number).where(accounts.c.address == address)).scalar_one_or_none()
    if number is None:
        return
    its_folders = select(folders.c.number).where(folders.c.account == number)
    connection.execute(delete(mails).where(mails.c.folder.in_(its_folders)))
    connection.execute(delete(contents).where(contents.c.account == number))
    connection.execute(delete(accounts).where(accounts.c.number == number))

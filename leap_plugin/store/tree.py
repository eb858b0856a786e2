"""The folders of an account, by their names. Each function works in the transaction of its caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from leap_plugin.bridge.imap.session.mailboxes import (
    DELIMITER,
    FolderExistsError,
    FullError,
    MailFolder,
    MailFolderError,
    NoFolderError,
)
from leap_plugin.store.accounts import KEPT_FOLDERS, next_moment
from leap_plugin.store.schema import accounts, folders

MOST_FOLDERS = 2_000
"""Of one account."""


@dataclass(frozen=True)
class FolderRow:
    """A folder as the store knows it."""

    number: int
    uid_validity: int
    uid_next: int
    forgotten: int


def find_folder(connection: Connection, account: int, folder: str) -> FolderRow:
    """Return a folder by its name; raises NoFolderError if there is none."""
    columns = (folders.c.number, folders.c.uid_validity, folders.c.uid_next, folders.c.forgotten)
    query = select(*columns).where(folders.c.account == account, folders.c.name == folder)
    found = connection.execute(query).one_or_none()
    if found is None:
        raise NoFolderError(f"there is no folder {folder}")
    return FolderRow(*found)


def folders_of(connection: Connection, account: int) -> Sequence[MailFolder]:
    """Return all folders of an account, by name."""
    columns = (folders.c.name, folders.c.special_use, folders.c.subscribed)
    rows = connection.execute(select(*columns).where(folders.c.account == account)).all()
    # Not sorted by the database: each kind of them has an order of its own.
    return sorted((MailFolder(*row) for row in rows), key=lambda folder: folder.name)


def create_folder(connection: Connection, account: int, folder: str) -> None:
    """Make a folder and those above it; FolderExistsError if it is there, FullError if there are too many."""
    names = _names(connection, account)
    if folder in names:
        raise FolderExistsError(f"there is a folder {folder}")
    levels = folder.split(DELIMITER)
    paths = [DELIMITER.join(levels[:depth]) for depth in range(1, len(levels) + 1)]
    missing = [path for path in paths if path not in names]
    if len(names) + len(missing) > MOST_FOLDERS:
        raise FullError(f"an account has at most {MOST_FOLDERS} folders")
    next_moment(connection, account)
    for name in missing:
        new_validity = update(accounts).where(accounts.c.number == account)
        new_validity = new_validity.values(uid_validity=accounts.c.uid_validity + 1)
        uid_validity = connection.execute(new_validity.returning(accounts.c.uid_validity)).scalar_one()
        values = {"account": account, "name": name, "special_use": None, "subscribed": True}
        connection.execute(insert(folders), {**values, "uid_validity": uid_validity, "uid_next": 1, "forgotten": 0})


def delete_folder_row(connection: Connection, account: int, folder: str) -> FolderRow:
    """Remove a folder that is empty by now, and return what it was.

    Raises NoFolderError, and MailFolderError for a folder that stays or has others below it.
    """
    row = find_folder(connection, account, folder)
    _check_may_go(folder)
    if _below(connection, account, folder):
        raise MailFolderError("a folder with others below it cannot be deleted")
    next_moment(connection, account)
    connection.execute(delete(folders).where(folders.c.number == row.number))
    return row


def rename_folder_rows(connection: Connection, account: int, old: str, new: str) -> None:
    """Rename a folder and those below it, and make those above the new name.

    Raises NoFolderError, FolderExistsError, and MailFolderError for a folder that stays.
    """
    row = find_folder(connection, account, old)
    _check_may_go(old)
    below = _below(connection, account, old)
    for name in below:
        _check_may_go(name)
    # Made for the folders above it, and to find out whether the name is free.
    create_folder(connection, account, new)
    connection.execute(delete(folders).where(folders.c.account == account, folders.c.name == new))
    connection.execute(update(folders).where(folders.c.number == row.number).values(name=new))
    for name in below:
        renamed = new + name[len(old) :]
        one = update(folders).where(folders.c.account == account, folders.c.name == name)
        connection.execute(one.values(name=renamed))


def subscribe_folder(connection: Connection, account: int, folder: str, wanted: bool) -> None:
    """Note whether the user wants to see a folder; raises NoFolderError."""
    row = find_folder(connection, account, folder)
    connection.execute(update(folders).where(folders.c.number == row.number).values(subscribed=wanted))


def _check_may_go(folder: str) -> None:
    if folder in KEPT_FOLDERS:
        raise MailFolderError(f"{folder} stays where it is: mails are put into it")


def _names(connection: Connection, account: int) -> frozenset[str]:
    return frozenset(connection.execute(select(folders.c.name).where(folders.c.account == account)).scalars())


def _below(connection: Connection, account: int, folder: str) -> list[str]:
    # Not by LIKE, which in SQLite takes capitals and small letters for the same.
    return [name for name in _names(connection, account) if name.startswith(folder + DELIMITER)]

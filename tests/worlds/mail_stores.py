"""Mail stores for tests, with one account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from leap_plugin.bridge.imap.session.mailboxes import Mailboxes
from leap_plugin.store.accounts import FIRST_FOLDERS, account_number
from leap_plugin.store.bell import MailBell
from leap_plugin.store.bridge_store import BridgeStore
from leap_plugin.store.mailboxes import MOST_ACCOUNT_BYTES, StoredMailboxes
from leap_plugin.store.schema import MAIL_STORE
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.mail_folders import MOST_BYTES, MemoryMailboxes

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
FEW_FOLDERS: Mapping[str, str | None] = {"INBOX": None, "Sent": "\\Sent"}
"""Those of `tests/worlds/mail_folders.py::MemoryMailboxes`."""


class MailStoreOnDisk:
    """A store in a file, or at another address."""

    def __init__(self, directory: Path, *, url: str | None = None) -> None:
        self.opened = Store(MAIL_STORE, url or sqlite_url(directory / "mail.db"))
        self.shared = BridgeStore(self.opened, MailBell())

    def account(self, address: str = "alice@one", *, first_folders: Mapping[str, str | None] = FIRST_FOLDERS) -> int:
        """Return the number of an account, whose first folder has the UIDVALIDITY 1."""
        return self.opened.write(
            lambda connection: account_number(connection, address, now_s=1, first_folders=first_folders)
        )

    def mailboxes(self, account: int, *, most_bytes: int = MOST_ACCOUNT_BYTES) -> StoredMailboxes:
        """Return the folders of an account; what is appended without a date comes at noon."""
        return StoredMailboxes(account, self.shared, now=lambda: NOON, most_bytes=most_bytes)

    def close(self) -> None:
        self.opened.close()


class NewMailboxes:
    """Makes accounts with the folders INBOX and Sent, in memory or, if a directory is given, in a store there."""

    def __init__(self, directory: Path | None) -> None:
        self._store = None if directory is None else MailStoreOnDisk(directory)
        self._made = 0

    def __call__(self) -> Mailboxes:
        self._made += 1
        if self._store is None:
            return MemoryMailboxes()
        account = self._store.account(f"user{self._made}@one", first_folders=FEW_FOLDERS)
        return self._store.mailboxes(account, most_bytes=MOST_BYTES)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

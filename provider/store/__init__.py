"""The provider's store: accounts, items and invitations in SQLite, or another database later.

An item that was stored is never lost: a commit reaches the disk before a sender or a client hears of it.
"""

from __future__ import annotations

from pathlib import Path

from loopixmix.store.opening import MEMORY_URL, open_database, sqlite_url
from loopixmix.store.schema import Schema
from loopixmix.store.transactions import Store
from provider.store.schema import HEAD, OLDER_VERSIONS

__all__ = ["MEMORY_URL", "SCHEMA", "MailStore", "sqlite_url"]

# In memory, too, it is made by migrations: they add the account for unknown recipients.
SCHEMA = Schema(
    owner="a LoopixMix provider",
    head=HEAD,
    older_versions=OLDER_VERSIONS,
    migrations=Path(__file__).parent.parent / "migrations",
)


class MailStore(Store):
    """Transactions on one store. Every thread has its own connection."""

    def __init__(self, url: str) -> None:
        """Open the store at the SQLAlchemy address `url`, and migrate it if it is older.

        Raises `StoreError` if it cannot be used.
        """
        super().__init__(open_database(url, SCHEMA))

    @property
    def size_bytes(self) -> int:
        """How much of the disk the store takes; 0 if it is in another database than SQLite."""
        database = self._database.url.database
        if self._database.dialect.name != "sqlite" or database is None:
            return 0
        # With the log of changes, which is often larger than the file: SQLite moves them over now and then.
        return sum(_file_bytes(Path(database + suffix)) for suffix in ("", "-wal"))


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

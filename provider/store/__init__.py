"""The provider's store: accounts, items and invitations in SQLite, or in PostgreSQL.

An item that was stored is never lost: a commit reaches the disk before a sender or a client hears of it.
"""

from __future__ import annotations

from pathlib import Path

from loopixmix.store.schema import Schema
from loopixmix.store.sqlite import MEMORY_URL, sqlite_url
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
    """Transactions on one provider's store."""

    def __init__(self, url: str, *, exclusive: bool = False) -> None:
        """Open the store at the SQLAlchemy address `url`, and migrate it if it is older.

        `exclusive`: for a provider that runs, as opposed to an operator's command. Raises `StoreError` if it cannot be
        used.
        """
        super().__init__(SCHEMA, url, exclusive=exclusive)

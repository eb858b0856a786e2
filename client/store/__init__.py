"""The client's store: one SQLite file with its messages, contacts and keys, private to the user.

What was committed is on the disk before it is told to anyone, so that no crash loses or doubles a message.
"""

from __future__ import annotations

from pathlib import Path

from twisted.logger import Logger

from client.store.schema import HEAD, OLDER_VERSIONS, metadata
from loopixmix.store.schema import Schema
from loopixmix.store.sealing import StoreKey, seal_store
from loopixmix.store.sqlite import MEMORY_URL, sqlite_url
from loopixmix.store.transactions import Store

__all__ = ["SCHEMA", "ClientStore"]

log = Logger()

SCHEMA = Schema(
    owner="a LoopixMix client",
    head=HEAD,
    older_versions=OLDER_VERSIONS,
    migrations=Path(__file__).parent.parent / "migrations",
    in_memory=metadata,
    gives_back=True,
)


class ClientStore(Store):
    """Transactions on one store; used by one thread at a time."""

    def __init__(self, path: Path | None, *, key: StoreKey | None = None) -> None:
        """Open or make the store in the file `path` (None: in memory), migrate it if it is older.

        `key`: the store is sealed with it; one that is not yet is sealed now, so that nobody else may have it open.
        Raises `StoreError` if it is damaged, newer than this program, cannot be written, or is sealed with another key.
        """
        if path is not None and key is not None and seal_store(path, key):
            log.info("{path}: this store is sealed now", path=str(path))
        # One connection, which the one thread of the client's store uses.
        super().__init__(SCHEMA, MEMORY_URL if path is None else sqlite_url(path), one_connection=True, key=key)

"""The provider's store: accounts, items and invitations in SQLite, or another database later.

An item that was stored is never lost: a commit reaches the disk before a sender or a client hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from loopixmix.errors import StoreError
from provider.store.opening import MEMORY_URL, open_engine, plain_reason, read_only, sqlite_url

__all__ = ["MEMORY_URL", "MailStore", "sqlite_url"]

_R = TypeVar("_R")


class MailStore:
    """Transactions on one store. Every thread has its own connection."""

    def __init__(self, url: str) -> None:
        """Open the store at the SQLAlchemy address `url`, and migrate it if it is older.

        Raises `StoreError` if it cannot be used.
        """
        self._engine = open_engine(url)

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in one transaction, which is on the disk when this returns. Raises `StoreError`."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be written: {plain_reason(error)}") from error

    def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads, on one state of the store. Raises `StoreError`."""
        try:
            with self._engine.connect() as connection, read_only(connection).begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be read: {plain_reason(error)}") from error

    @property
    def size_bytes(self) -> int:
        """How much of the disk the store takes; 0 if it is in another database than SQLite."""
        database = self._engine.url.database
        if self._engine.dialect.name != "sqlite" or database is None:
            return 0
        # With the log of changes, which is often larger than the file: SQLite moves them over now and then.
        return sum(_file_bytes(Path(database + suffix)) for suffix in ("", "-wal"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

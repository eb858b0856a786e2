"""Work in a store, one transaction at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from loopixmix.errors import StoreError
from loopixmix.store.opening import open_database, plain_reason, read_only
from loopixmix.store.schema import Schema

_R = TypeVar("_R")


class Store:
    """Transactions on one store. Any thread may ask for one; each has a connection of its own."""

    def __init__(self, schema: Schema, url: str, *, one_connection: bool = False) -> None:
        """Open the store of the kind `schema` at the SQLAlchemy address `url`, and migrate it if it is older.

        `one_connection`: all use is by one thread at a time, on one connection. Raises `StoreError` if the store cannot
        be used.
        """
        self._database = open_database(url, schema, one_connection=one_connection)

    @property
    def size_bytes(self) -> int:
        """How much of the disk the store takes; 0 if it is in another database than SQLite."""
        database = self._database.url.database
        if self._database.dialect.name != "sqlite" or database is None:
            return 0
        # With the log of changes, which is often larger than the file: SQLite moves them over now and then.
        return sum(_file_bytes(Path(database + suffix)) for suffix in ("", "-wal"))

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in one transaction, which is on the disk when this returns. Raises `StoreError`."""
        try:
            with self._database.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be written: {plain_reason(error)}") from error

    def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads, on one state of the store. Raises `StoreError`."""
        try:
            # A transaction although it only reads: its statements see one state, whatever is written meanwhile.
            with self._database.connect() as connection, read_only(connection).begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be read: {plain_reason(error)}") from error

    def close(self) -> None:
        """Close all connections."""
        self._database.dispose()


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

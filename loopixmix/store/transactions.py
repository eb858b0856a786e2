"""Work in a store, one transaction at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from loopixmix.errors import StoreError
from loopixmix.store.opening import plain_reason, read_only

_R = TypeVar("_R")


class Store:
    """Transactions on one store."""

    def __init__(self, database: Database) -> None:
        """`database`: opened by `open_database`; `close` closes it."""
        self._database = database

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

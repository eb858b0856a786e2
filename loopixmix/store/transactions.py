"""Work in a store, one transaction at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from loopixmix.errors import DiskFullError, StoreError
from loopixmix.store.faults import use_error
from loopixmix.store.opening import open_databases
from loopixmix.store.schema import Schema
from loopixmix.store.sealing import StoreKey

_R = TypeVar("_R")


class Store:
    """Transactions on one store, in SQLite or PostgreSQL. Any thread may ask for one."""

    def __init__(
        self,
        schema: Schema,
        url: str,
        *,
        one_connection: bool = False,
        exclusive: bool = False,
        key: StoreKey | None = None,
    ) -> None:
        """Open the store of the kind `schema` at the SQLAlchemy address `url`, and migrate it if it is older.

        `one_connection`: all use is by one thread at a time, on one connection, if the store is in SQLite. `exclusive`:
        this is the program whose store it is, and a second one is refused; others may still use it beside. `key`: the
        store is in SQLite and sealed, or new and to be sealed. Raises `StoreError` if the store cannot be used.
        """
        self._databases = open_databases(url, schema, one_connection=one_connection, exclusive=exclusive, key=key)
        self._full: str | None = None

    @property
    def problem(self) -> str | None:
        """That the disk is full, or what was lost, in one line; None if all is well.

        That the disk is full shows when something is written. It has room again as soon as something fits, whether or
        not somebody writes.
        """
        if self._full is not None and self.has_room():
            self._full = None
        return self._full or self.loss

    @property
    def loss(self) -> str | None:
        """What was lost since the store was used before, in one line; None if it is as it was left.

        It is told until a program that had the store for a minute or longer ends.
        """
        return self._databases.loss

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in one transaction, which is on the disk when this returns.

        There is one such transaction at a time, whichever programs use the store. A statement that may fail, and whose
        error `work` catches, belongs into `connection.begin_nested()`. Raises `ConstraintError` if what is written
        contradicts what is there, `StoreUnavailableError` if the store cannot be used just now, otherwise `StoreError`.
        """
        try:
            with self._databases.change() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise self._told(error, "the store cannot be written") from error

    def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads, on one state of the store. Raises as `write` does."""
        try:
            # A transaction although it only reads: its statements see one state, whatever is written meanwhile.
            with self._databases.reading.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise self._told(error, "the store cannot be read") from error

    def has_room(self) -> bool:
        """Tell whether there is room on its disk; true if that cannot be known."""
        return self._databases.has_room()

    def used_bytes(self, connection: Connection) -> int:
        """Return how much of the disk the store takes; a `work` for `read`."""
        return self._databases.used_bytes(connection)

    def empty_log(self) -> None:
        """Leave nothing in the log of changes of what was deleted; not within a transaction. Raises as `write` does."""
        try:
            self._databases.empty_log()
        except SQLAlchemyError as error:
            raise use_error(
                error, "the store's log of changes cannot be emptied", has_room=self._databases.has_room
            ) from error

    def give_back(self) -> None:
        """Give a part of the room that is free in the store back to the disk, if its kind does that.

        Not within a transaction. Raises as `write` does.
        """
        try:
            self._databases.give_back()
        except SQLAlchemyError as error:
            raise self._told(error, "the store cannot be made smaller") from error

    def close(self) -> None:
        """Close all connections."""
        self._databases.close()

    def _told(self, error: SQLAlchemyError, failed: str) -> StoreError:
        told = use_error(error, failed, has_room=self._databases.has_room)
        if isinstance(told, DiskFullError):
            self._full = str(told)
        return told

"""The stores of a thousand clients in memory: a database each, and one set of compiled statements for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy import Engine as Database
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from client.store import ClientStore
from client.store.schema import metadata
from loopixmix.errors import StoreError
from loopixmix.store.faults import store_error

_R = TypeVar("_R")
# Databases are tiny here, and each table and index takes a page.
_PAGE_BYTES = 1024


class MemoryStore(ClientStore):
    """One client's store: a database of its own in memory, on a connection that stays open."""

    def __init__(self, connection: Connection) -> None:
        """Use `MemoryStores.open`."""
        self._connection = connection

    @property
    def loss(self) -> str | None:
        """Nothing: there is no file that could be damaged."""
        return None

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in one transaction. Raises `StoreError`."""
        try:
            with self._connection.begin():
                return work(self._connection)
        except SQLAlchemyError as error:
            raise store_error(error, "the store cannot be used") from error

    def give_back(self) -> None:
        """Do nothing: there is no file."""

    def empty_log(self) -> None:
        """Do nothing: there is no log of changes."""

    def close(self) -> None:
        """Forget the database."""
        self._connection.invalidate()
        self._connection.close()


class MemoryStores:
    """Makes stores: what SQLAlchemy compiles for one of them serves all."""

    def __init__(self) -> None:
        """Begin without stores."""
        self._database = _open_database()
        with self._database.begin() as connection:
            metadata.create_all(connection)
            self._template = _sqlite(connection).serialize()

    def open(self) -> MemoryStore:
        """Return a new, empty store."""
        connection = self._database.connect()
        # A copy of an empty database is much quicker than making all tables for each of a thousand clients.
        _sqlite(connection).deserialize(self._template)
        return MemoryStore(connection)

    def close(self) -> None:
        """End use, after every store was closed."""
        self._database.dispose()


def _open_database() -> Database:
    database = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=-1, connect_args={"check_same_thread": False}
    )
    event.listen(database, "connect", _set_up_connection)
    event.listen(database, "begin", _begin)
    return database


def _sqlite(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise StoreError("the stores of simulations are in SQLite")
    return raw


def _set_up_connection(dbapi_connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    dbapi_connection.isolation_level = None  # transactions begin where `_begin` says
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

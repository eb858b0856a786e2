"""Opening a store: SQLite settings, version and integrity checks, migrations."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from client.store.schema import HEAD, OLDER_VERSIONS, metadata
from loopixmix.errors import StoreError

MAX_CHECKED_BYTES = 256 * 1024 * 1024
"""Larger stores are not read through at each start; what is broken in them is found when it is read."""

_SETTINGS = (
    "PRAGMA page_size = 8192",
    "PRAGMA busy_timeout = 10000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)
_IN_MEMORY = "the store in memory"


def open_engine(path: Path | None) -> Engine:
    """Open the store in the file `path` or in memory, make or migrate its tables, and check it.

    Raises `StoreError`, in one line fit for the user, where it cannot be used.
    """
    place = _IN_MEMORY if path is None else str(path)
    if path is not None:
        _make_private_file(path)
    database = ":memory:" if path is None else str(path)
    # One connection, which the service's one worker thread uses.
    engine = create_engine(
        URL.create("sqlite", database=database), poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _prepare(connection, path, place)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreError(f"{place}: {plain_reason(error)}") from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def plain_reason(error: SQLAlchemyError) -> str:
    """Say in one line what the database complained about, without the statement and its values."""
    if isinstance(error, DatabaseError) and error.orig is not None:
        reason = (str(error.orig).splitlines() or ["unknown"])[0]
        return f"the store is damaged ({reason})" if "malformed" in reason or "not a database" in reason else reason
    return type(error).__name__


def _make_private_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error


def _set_up_connection(dbapi_connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    dbapi_connection.isolation_level = None  # transactions begin where `_begin` says
    cursor = dbapi_connection.cursor()
    for setting in _SETTINGS:
        cursor.execute(setting)
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(connection: Connection, path: Path | None, place: str) -> None:
    if path is None:
        metadata.create_all(connection)  # nothing older can be there, and simulations make many
        return
    if path.stat().st_size <= MAX_CHECKED_BYTES:
        complaint = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if complaint != "ok":
            raise StoreError(f"{place}: the store is damaged ({str(complaint).splitlines()[0]})")
    _migrate(connection, place)


def _migrate(connection: Connection, place: str) -> None:
    tables = inspect(connection).get_table_names()
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == HEAD:
        return
    if version is None and tables:
        raise StoreError(f"{place}: this is not the store of a LoopixMix client")
    if version is not None and version not in OLDER_VERSIONS:
        raise StoreError(f"{place}: made by a newer LoopixMix (schema {version}); this one knows schemas up to {HEAD}")
    # Alembic takes time and memory, and most starts need no migration.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)

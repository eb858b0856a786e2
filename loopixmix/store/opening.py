"""Opening a store: SQLite settings, version and integrity checks, migrations."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy import Engine as Database
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from loopixmix.errors import StoreError
from loopixmix.process.files import PRIVATE_FILE
from loopixmix.store.schema import Schema

PAGE_BYTES = 8192
BUSY_TIMEOUT_MS = 10_000
MAX_CHECKED_BYTES = 256 * 1024 * 1024
"""Larger stores are not read through at each start; what is broken in them is found when it is read."""
MEMORY_URL = "sqlite://"
"""The address of a store that is gone with the process: for simulations and tests."""

_SETTINGS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    # With a log of changes readers do not wait for the writer.
    "PRAGMA journal_mode = WAL",
    # SQLite's default for WAL may lose the last commits with the power, after a sender was told that they are safe.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Otherwise deleted messages stay in the file until their pages are used again.
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)
_READS = "loopixmix_reads"


def sqlite_url(path: Path) -> str:
    """Return the address of the store in the file `path`."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def open_database(url: str, schema: Schema, *, one_connection: bool = False) -> Database:
    """Open the store at the SQLAlchemy address `url`, make or migrate its tables, and check it.

    `one_connection`: all use is by one thread at a time, on one connection. Raises `StoreError`, in one line fit for
    the user, if the store cannot be used.
    """
    parsed, database = _make_database(url, one_connection=one_connection or url == MEMORY_URL)
    try:
        with database.begin() as connection:
            if url == MEMORY_URL and schema.in_memory is not None:
                schema.in_memory.create_all(connection)  # nothing older can be there, and simulations make many
            else:
                _check_integrity(connection, parsed)
                _migrate(connection, parsed, schema)
    except SQLAlchemyError as error:
        database.dispose()
        raise StoreError(f"{_place(parsed)}: {plain_reason(error)}") from error
    except StoreError:
        database.dispose()
        raise
    return database


def plain_reason(error: SQLAlchemyError) -> str:
    """Say in one line what the database complained about, without the statement and its values."""
    # Those are what users wrote and whom to: they must not get into a log.
    if isinstance(error, DatabaseError) and error.orig is not None:
        reason = (str(error.orig).splitlines() or ["unknown"])[0]
        return f"the store is damaged ({reason})" if "malformed" in reason or "not a database" in reason else reason
    return type(error).__name__


def read_only(connection: Connection) -> Connection:
    """Return the connection for transactions that only read: they do not wait for the writer."""
    return connection.execution_options(**{_READS: True})


def _make_database(url: str, *, one_connection: bool) -> tuple[URL, Database]:
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if one_connection and is_sqlite:
            # In memory every connection would be a store of its own: there is to be one, whichever thread uses it.
            database = create_engine(parsed, poolclass=StaticPool, connect_args={"check_same_thread": False})
        else:
            database = create_engine(parsed)
    except (ArgumentError, ImportError) as error:
        raise StoreError(f"{url}: this is not the address of a store that can be used here ({error})") from error
    if is_sqlite:
        if url != MEMORY_URL:
            _make_private_file(parsed)
        event.listen(database, "connect", _set_up_connection)
        event.listen(database, "begin", _begin)
    return parsed, database


def _make_private_file(url: URL) -> None:
    # SQLite would make it readable by all, and gives its log of changes the mode of the file.
    if not url.database or url.database == ":memory:":
        raise StoreError(f"a store in SQLite needs a file, not {url.database or 'none'}")
    try:
        os.close(os.open(url.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
        Path(url.database).chmod(PRIVATE_FILE)
    except OSError as error:
        raise StoreError(f"{url.database}: cannot be written ({error.strerror})") from error


def _set_up_connection(dbapi_connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    dbapi_connection.isolation_level = None  # transactions begin where `_begin` says
    cursor = dbapi_connection.cursor()
    for setting in _SETTINGS:
        cursor.execute(setting)
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that begins by reading and comes to write may fail half-way, because another one wrote meanwhile.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _check_integrity(connection: Connection, url: URL) -> None:
    if connection.dialect.name != "sqlite" or not url.database:
        return
    if Path(url.database).stat().st_size > MAX_CHECKED_BYTES:
        return
    complaint = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if complaint != "ok":
        # SQLite says in a line of its own in which database it is, "*** in database main ***", and there is only one.
        lines = [line for line in str(complaint).splitlines() if not line.startswith("***")] or ["unknown"]
        raise StoreError(f"{_place(url)}: the store is damaged ({lines[0]})")


def _migrate(connection: Connection, url: URL, schema: Schema) -> None:
    tables = inspect(connection).get_table_names()
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == schema.head:
        return
    if version is None and tables:
        raise StoreError(f"{_place(url)}: this is not the store of {schema.owner}")
    if version is not None and version not in schema.older_versions:
        raise StoreError(
            f"{_place(url)}: made by a newer LoopixMix (schema {version}); this one knows schemas up to {schema.head}"
        )
    # Alembic takes time and memory, and most starts need no migration.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, schema.head)


def _place(url: URL) -> str:
    return url.database if url.get_backend_name() == "sqlite" and url.database else url.render_as_string()

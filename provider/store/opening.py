"""Opening a store: SQLite settings, version and integrity checks, migrations."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from loopixmix.errors import StoreError
from provider.store.schema import HEAD, OLDER_VERSIONS

PAGE_BYTES = 8192
BUSY_TIMEOUT_MS = 10_000
MAX_CHECKED_BYTES = 256 * 1024 * 1024
"""Larger stores are not read through at each start; damage in them is found when it is read."""

_SETTINGS = (
    # An item has over 2 kB: with SQLite's own 4096 bytes most pages would hold one item and a gap.
    f"PRAGMA page_size = {PAGE_BYTES}",
    # The operator's commands write beside the running provider.
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    # Readers do not wait for the writer: a pull has a few milliseconds.
    "PRAGMA journal_mode = WAL",
    # With NORMAL, the last commits before a loss of power could be gone, although they were acknowledged.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # With FAST, most fetched mail stayed in free pages of the file, for whoever takes the disk. Measured on 18,000
    # items, overwriting costs under a tenth.
    "PRAGMA secure_delete = ON",
    # A file may be put back from elsewhere: functions that its schema names are not to be run.
    "PRAGMA trusted_schema = OFF",
)


def sqlite_url(path: Path) -> str:
    """Return the address of the store in the file `path`."""
    return URL.create("sqlite", database=str(path)).render_as_string()


MEMORY_URL = "sqlite://"
"""A store that is gone with the process: for simulations and tests, in one thread."""


def open_engine(url: str) -> Engine:
    """Open the store at the SQLAlchemy address `url`, make or migrate its tables, and check it.

    Raises `StoreError`, in one line fit for the operator, if the store cannot be used.
    """
    parsed, engine = _make_engine(url)
    try:
        with engine.begin() as connection:
            _check_integrity(connection, parsed)
            _migrate(connection, parsed)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreError(f"{_place(parsed)}: {plain_reason(error)}") from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def plain_reason(error: SQLAlchemyError) -> str:
    """Return the complaint of the database in one line, without the statement and its values."""
    # SQLAlchemy's own text quotes both, and the values are mail and keys, which must not come into a log.
    if isinstance(error, DatabaseError) and error.orig is not None:
        reason = str(error.orig).splitlines()[0]
        return f"the store is damaged ({reason})" if "malformed" in reason or "not a database" in reason else reason
    return type(error).__name__


def read_only(connection: Connection) -> Connection:
    """Return the connection for transactions that only read: they do not wait for the writer."""
    return connection.execution_options(loopixmix_reads=True)


def _make_engine(url: str) -> tuple[URL, Engine]:
    try:
        parsed = make_url(url)
        # In memory every connection would be a store of its own: there is to be one.
        engine = create_engine(parsed, poolclass=StaticPool) if url == MEMORY_URL else create_engine(parsed)
    except (ArgumentError, ImportError) as error:
        raise StoreError(f"{url}: this is no address of a store that can be used here ({error})") from error
    if engine.dialect.name == "sqlite":
        if url != MEMORY_URL:
            _make_private_file(parsed)
        event.listen(engine, "connect", _set_up_connection)
        event.listen(engine, "begin", _begin)
    return parsed, engine


def _make_private_file(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise StoreError(f"{url.render_as_string()}: a provider's store needs the path of a file")
    # Made before SQLite makes it: that one would be readable by every user of the machine.
    try:
        os.close(os.open(url.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{url.database}: cannot be written ({error.strerror})") from error


def _set_up_connection(dbapi_connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Otherwise Python's sqlite3 begins transactions by itself, later than `_begin`, and readings without any.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for setting in _SETTINGS:
        cursor.execute(setting)
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that read first and then wrote could fail half-way, because another has written since: IMMEDIATE
    # waits for its turn at the beginning.
    reads = connection.get_execution_options().get("loopixmix_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _check_integrity(connection: Connection, url: URL) -> None:
    if connection.dialect.name != "sqlite" or not url.database:
        return
    if Path(url.database).stat().st_size > MAX_CHECKED_BYTES:
        return
    complaint = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if complaint != "ok":
        raise StoreError(f"{_place(url)}: the store is damaged ({str(complaint).splitlines()[0]})")


def _migrate(connection: Connection, url: URL) -> None:
    tables = inspect(connection).get_table_names()
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == HEAD:
        return
    if version is None and tables:
        raise StoreError(f"{_place(url)}: this is not the store of a LoopixMix provider")
    if version is not None and version not in OLDER_VERSIONS:
        raise StoreError(
            f"{_place(url)}: made by a newer LoopixMix (schema {version}); this one knows schemas up to {HEAD}"
        )
    # Alembic takes time and memory, and most starts need no migration.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _place(url: URL) -> str:
    return url.database if url.get_backend_name() == "sqlite" and url.database else url.render_as_string()

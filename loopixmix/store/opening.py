"""Opening a store: its database found by the address, checked, and brought to the newest version."""

from __future__ import annotations

import re
import threading
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from loopixmix.errors import DiskFullError, StoreError
from loopixmix.store.databases import Databases
from loopixmix.store.faults import store_error
from loopixmix.store.postgresql import PostgresDatabases
from loopixmix.store.schema import Schema
from loopixmix.store.sealing import StoreKey
from loopixmix.store.sqlite import SqliteDatabases
from loopixmix.store.upkeep.reserve import give_up_reserve, keep_reserve

_PASSWORD = re.compile(r"(?<=//).*@|^[^/]*@|(?<=password=)[^&]*")

# Alembic keeps the migration that is under way in variables of its own module: there is to be one at a time.
_migrating = threading.Lock()


def open_databases(
    url: str,
    schema: Schema,
    *,
    one_connection: bool = False,
    exclusive: bool = False,
    key: StoreKey | None = None,
) -> Databases:
    """Open the store at the SQLAlchemy address `url`, make or migrate its tables, and check it.

    `one_connection`: all use is by one thread at a time, on one connection, if the store is in SQLite. `exclusive`: no
    other program may have the store so at the same time. `key`: of a store in SQLite that is sealed, or is to be if it
    is new. Raises `StoreError`, in one line fit for the user, if the store cannot be used.
    """
    make = partial(
        _databases,
        url,
        one_connection=one_connection,
        exclusive=exclusive,
        key=key,
        gives_back=schema.gives_back,
    )
    try:
        databases = _opened(make(), schema)
    except DiskFullError:
        # To read what is there needs a little room, too, and that was kept for it.
        path = sqlite_path(url)
        if path is None or not give_up_reserve(path):
            raise
        return _opened(make(), schema)
    if (path := sqlite_path(url)) is not None:
        keep_reserve(path)
    return databases


def sqlite_path(url: str) -> Path | None:
    """Return the file of a store in SQLite; None for one in memory, or in another database."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _opened(databases: Databases, schema: Schema) -> Databases:
    """Make or migrate the tables, and check the store; close it and raise `StoreError` if that fails."""
    is_new = False
    try:
        with databases.change() as connection:
            if databases.in_memory and schema.in_memory is not None:
                schema.in_memory.create_all(connection)  # nothing older can be there, and simulations make many
            else:
                databases.check(connection)
                is_new = _migrate(connection, databases.place, schema)
        if is_new:
            # Or a log of changes that is lost later would leave a store without tables.
            databases.empty_log()
    except SQLAlchemyError as error:
        databases.close()
        raise store_error(error, databases.place, has_room=databases.has_room) from error
    except BaseException:
        databases.close()
        raise
    return databases


def _databases(url: str, *, one_connection: bool, exclusive: bool, key: StoreKey | None, gives_back: bool) -> Databases:
    # A ValueError is a port that is no number.
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            return SqliteDatabases(
                parsed, one_connection=one_connection, exclusive=exclusive, key=key, gives_back=gives_back
            )
        if key is not None:
            raise StoreError(f"{_shown(url)}: only a store in SQLite can be sealed")
        if "@" in (parsed.host or ""):
            raise StoreError(f"{_shown(url)}: an @ or a / in the password must be written as %40 or %2F")
        if backend == "postgresql":
            return PostgresDatabases(_by_psycopg(parsed), exclusive=exclusive)
    except ImportError as error:
        raise StoreError(
            f"a store in PostgreSQL needs psycopg, which is not installed ({error}): the extra `postgres` has it"
        ) from error
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{_shown(url)}: this is not the address of a store") from error
    raise StoreError(f"{_shown(url)}: a store is in SQLite or PostgreSQL, not in {backend}")


def _by_psycopg(url: URL) -> URL:
    # Without a driver SQLAlchemy would look for another one.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _shown(url: str) -> str:
    """Return an address that could not be read, without what may be a password."""
    return _PASSWORD.sub("***", url)


def _migrate(connection: Connection, place: str, schema: Schema) -> bool:
    """Bring the store to the newest version; return whether it was not."""
    tables = inspect(connection).get_table_names()
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == schema.head:
        return False
    if version is None and tables:
        raise StoreError(f"{place}: this is not the store of {schema.owner}")
    if version is not None and version not in schema.older_versions:
        raise StoreError(
            f"{place}: made by a newer LoopixMix (schema {version}); this one knows schemas up to {schema.head}"
        )
    # Alembic takes time and memory, and most starts need no migration.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _migrating:
        command.upgrade(config, schema.head)
    return True

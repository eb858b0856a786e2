"""Stores in SQLite: one file, private to its user, with a log of changes beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from loopixmix.errors import StoreError
from loopixmix.process.files import PRIVATE_FILE, DirectoryLock, LockedError, file_error, has_room
from loopixmix.store.databases import BUSY_TIMEOUT_S, Databases
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.sealing import PAGE_BYTES, StoreKey, connect_sealed, sqlcipher
from loopixmix.store.upkeep.log import ChangeLog
from loopixmix.store.upkeep.mark import following

MAX_CHECKED_BYTES = 256 * 1024 * 1024
"""Larger stores are not read through at each start; what is broken in them is found when it is read."""
MEMORY_URL = "sqlite://"
"""The address of a store that is gone with the process: for simulations and tests."""

_SETTINGS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}",
    # With a log of changes readers do not wait for the writer.
    "PRAGMA journal_mode = WAL",
    # SQLite's default for WAL may lose the last commits with the power, after a sender was told that they are safe.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Otherwise deleted messages stay in the file until their pages are used again.
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)
GIVEN_BACK_PAGES = 256
"""So many free pages are given back at one time, 2 MB: what comes meanwhile waits for it."""
_INCREMENTAL = 2
_READS, _ALONE = "loopixmix_reads", "loopixmix_alone"
"""What a connection is for, among its execution options: transactions that only read; statements that need none."""


def sqlite_url(path: Path) -> str:
    """Return the address of the store in the file `path`."""
    return URL.create("sqlite", database=str(path)).render_as_string()


class SqliteDatabases(Databases):
    """One pool of connections, in which a transaction says at its beginning whether it may write."""

    def __init__(
        self, url: URL, *, one_connection: bool, exclusive: bool, key: StoreKey | None, gives_back: bool = False
    ) -> None:
        """`one_connection`: all use is by one thread at a time. `exclusive`: no other program may have the store so.

        `key`: of a sealed store. `gives_back`: the file is to become smaller by `give_back`. Raises `StoreError`.
        """
        self._gives_back = gives_back
        self._path = None if url.render_as_string() == MEMORY_URL else _private_file(url)
        self._lock = _lock(self._path) if exclusive and self._path is not None else None
        if one_connection or self._path is None:
            # In memory every connection would be a store of its own: there is to be one, whichever thread uses it.
            made = create_engine(url, poolclass=StaticPool, **_connecting(url, key))
        else:
            made = create_engine(url, **_connecting(url, key))
        super().__init__(place=url.database or "memory", writing=made, reading=made.execution_options(**{_READS: True}))
        event.listen(made, "connect", self._set_up_connection)
        event.listen(made, "begin", _begin)
        self._log = None if self._path is None else ChangeLog(self._path, _connector(self._path, key))

    @property
    def in_memory(self) -> bool:
        """Whether it is gone with the process."""
        return self._path is None

    @property
    def loss(self) -> str | None:
        """Which changes are missing since the log of changes was deleted or damaged."""
        return None if self._log is None else self._log.problem

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """Do a transaction that may write, and count it if it did."""
        if self._log is None:
            with super().change() as connection:
                yield connection
            return
        self._log.make_room()
        number = None
        with self.writing.begin() as connection:
            before = _rows_changed(connection)
            yield connection
            if _rows_changed(connection) != before:
                number = following(_number(connection))
                connection.exec_driver_sql(f"PRAGMA user_version = {number}")
        if number is not None:
            self._log.written(number)

    def check(self, connection: Connection) -> None:
        """Raise `StoreError` if the file is damaged; take note if changes are missing in it."""
        self._check_pages(connection)
        if self._log is not None:
            self._log.compare(_number(connection))

    def _check_pages(self, connection: Connection) -> None:
        if self._path is None or self._path.stat().st_size > MAX_CHECKED_BYTES:
            return
        complaint = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if complaint != "ok":
            # SQLite says in a line of its own in which database it is, "*** in database main ***"; there is only one.
            lines = [line for line in str(complaint).splitlines() if not line.startswith("***")] or ["unknown"]
            raise StoreError(f"{self.place}: the store is damaged ({lines[0]})")

    def used_bytes(self, connection: Connection) -> int:  # noqa: ARG002 (the files tell)
        """Return how much of the disk it takes."""
        if self._path is None:
            return 0
        # With the log of changes, which is often larger than the file: SQLite moves them over now and then.
        return sum(_file_bytes(Path(f"{self._path}{suffix}")) for suffix in ("", "-wal"))

    def has_room(self) -> bool:
        """Tell whether something can be written beside the file."""
        return self._path is None or has_room(self._path.parent)

    def check_whole(self, connection: Connection) -> None:
        """Do nothing: a statement that fails leaves the rest of its transaction as it was."""

    def empty_log(self) -> None:
        """Move the log of changes into the file, and cut it to nothing: what was deleted since is in neither then.

        While somebody reads, only a part is moved: the next time does the rest.
        """
        if self._path is None:
            return
        with self.writing.execution_options(**{_ALONE: True}).connect() as connection:
            # A reader may be at it for minutes, as an export is: nobody is to wait for that.
            for pragma in ("busy_timeout = 0", "wal_checkpoint(TRUNCATE)", f"busy_timeout = {BUSY_TIMEOUT_S * 1000}"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")

    def give_back(self) -> None:
        """Cut a part of the pages that are free off the end of the file."""
        if self._path is None or not self._gives_back:
            return
        with self.writing.execution_options(**{_ALONE: True}).connect() as connection:
            free, pages = (_pragma(connection, name) for name in ("freelist_count", "page_count"))
            if _pragma(connection, "auto_vacuum") == _INCREMENTAL:
                # Each step of the statement frees a page, and Python takes one step only of what gives no rows, unless
                # it is a script.
                cursor = cast(DBAPIConnection, connection.connection.driver_connection).cursor()
                cursor.executescript(f"PRAGMA incremental_vacuum({GIVEN_BACK_PAGES});")
            elif free > GIVEN_BACK_PAGES and free > pages // 4 and self.has_room():
                # Made before files could become smaller: written anew, once.
                connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
                connection.exec_driver_sql("VACUUM")

    def _set_up_connection(self, dbapi_connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        dbapi_connection.isolation_level = None  # transactions begin where `_begin` says
        cursor = dbapi_connection.cursor()
        if self._gives_back:
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # first: a file that has begun stays as it is
        for setting in _SETTINGS:
            cursor.execute(setting)
        cursor.close()

    def close(self) -> None:
        """Close all connections, and let others have the store."""
        super().close()
        if self._log is not None:
            self._log.close()
        if self._lock is not None:
            self._lock.release()


def _private_file(url: URL) -> Path:
    # SQLite would make it readable by all, and gives its log of changes the mode of the file.
    if not url.database or url.database == ":memory:":
        raise StoreError(f"a store in SQLite needs a file, not {url.database or 'none'}")
    path = Path(url.database)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
        path.chmod(PRIVATE_FILE)
    except OSError as error:
        raise file_error(error, f"{path}: cannot be written") from error
    return path


def _lock(path: Path) -> DirectoryLock:
    # A file beside the store. SQLite's own locks are those of the store's file, and are lost when any descriptor of it
    # is closed.
    lock = DirectoryLock(path.with_name(f"{path.name}.lock"), of=path)
    try:
        lock.acquire()
    except LockedError as error:
        raise StoreUnavailableError(str(error)) from error
    return lock


def _connecting(url: URL, key: StoreKey | None) -> dict[str, Any]:
    """Return how `create_engine` is to connect."""
    if key is None:
        return {"connect_args": {"check_same_thread": False}}
    place = url.database
    if not place:
        raise StoreError("a store in memory cannot be sealed: nothing is left of it")
    # SQLAlchemy asks each new connection several things before it tells of it, and the key has to be there by then.
    return {"module": sqlcipher(), "creator": lambda: connect_sealed(place, key)}


def _connector(path: Path, key: StoreKey | None) -> Callable[[], DBAPIConnection]:
    """Return what makes one more connection to the file, which waits for nobody."""

    def connect() -> DBAPIConnection:
        if key is None:
            return cast(DBAPIConnection, sqlite3.connect(path, timeout=0, isolation_level=None))
        connection = connect_sealed(str(path), key)
        connection.cursor().execute("PRAGMA busy_timeout = 0")
        return connection

    return connect


def _number(connection: Connection) -> int:
    """Return how many changes the store has seen, by its own count."""
    return _pragma(connection, "user_version")


def _pragma(connection: Connection, name: str) -> int:
    value: int = connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
    return value


def _rows_changed(connection: Connection) -> int:
    """Return how many rows were changed by this connection, ever: the same twice if nothing was written between."""
    changed: int = getattr(connection.connection.driver_connection, "total_changes", 0)
    return changed


def _begin(connection: Connection) -> None:
    # A transaction that begins by reading and comes to write may fail half-way, because another one wrote meanwhile.
    options = connection.get_execution_options()
    if not options.get(_ALONE, False):
        connection.exec_driver_sql("BEGIN" if options.get(_READS, False) else "BEGIN IMMEDIATE")


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

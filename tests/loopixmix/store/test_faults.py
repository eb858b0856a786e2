"""Complaints of databases: a full disk is told by the same words, whichever of them it befell."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from loopixmix.errors import DISK_FULL, DiskFullError, StoreError
from loopixmix.store.faults import StoreUnavailableError, store_error, use_error
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.polls import POLL, cast, choices


class SqliteComplaintError(Exception):
    """A complaint as `sqlite3` raises it."""

    def __init__(self, code: int) -> None:
        """`code`: SQLite's number of the complaint."""
        super().__init__("disk I/O error")
        self.sqlite_errorcode = code


class PostgresComplaintError(Exception):
    """A complaint as psycopg raises it."""

    def __init__(self, state: str) -> None:
        """`state`: PostgreSQL's number of the complaint."""
        super().__init__('could not extend file "base/1": No space left on device')
        self.sqlstate = state


def complaint(orig: Exception) -> OperationalError:
    return OperationalError("INSERT INTO votes VALUES (?)", ("marked",), orig)


@pytest.mark.parametrize("orig", [SqliteComplaintError(sqlite3.SQLITE_FULL), PostgresComplaintError("53100")])
def test_a_full_disk_is_told_by_the_same_words_in_each_database(orig: Exception) -> None:
    for make in (store_error, use_error):
        error = make(complaint(orig), "the store cannot be written")
        assert type(error) is DiskFullError
        assert str(error) == "the disk is full: the store cannot be written"


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN])
def test_where_sqlite_does_not_tell_the_disk_is_asked(code: int) -> None:
    full = use_error(complaint(SqliteComplaintError(code)), "the store cannot be written", has_room=lambda: False)
    assert str(full).startswith(DISK_FULL)
    broken = use_error(complaint(SqliteComplaintError(code)), "the store cannot be written", has_room=lambda: True)
    assert str(broken) == "the store cannot be written: disk I/O error"


@pytest.mark.parametrize(
    "orig",
    [SqliteComplaintError(sqlite3.SQLITE_BUSY), PostgresComplaintError("57P01"), PostgresComplaintError("53300")],
)
def test_other_complaints_are_not_laid_to_the_disk(orig: Exception) -> None:
    error = use_error(complaint(orig), "the store cannot be written", has_room=lambda: False)
    assert isinstance(error, StoreUnavailableError)
    assert DISK_FULL not in str(error)


def test_a_store_that_may_not_grow_says_so_and_is_read_all_the_same(tmp_path: Path) -> None:
    store = Store(POLL, sqlite_url(tmp_path / "poll.sqlite3"), one_connection=True)
    store.write(lambda connection: cast(connection, b"1", "tea"))
    pages = store.read(lambda connection: connection.execute(text("PRAGMA page_count")).scalar_one())
    store.read(lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}")))
    with pytest.raises(DiskFullError, match=r"^the disk is full: the store cannot be written$"):
        store.write(lambda connection: cast(connection, b"2", "coffee" * 10_000))
    assert store.read(choices) == ["tea"]
    store.close()


def test_a_full_disk_is_a_fault_of_the_store() -> None:
    assert issubclass(DiskFullError, StoreError)

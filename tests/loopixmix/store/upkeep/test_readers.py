"""Who reads a store, by the system's list of locks."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from loopixmix.store.upkeep.readers import LOCKS, named, reading_processes


def test_only_locks_of_readings_on_this_store_count(tmp_path: Path) -> None:
    index = tmp_path / "mail.sqlite3-shm"
    index.touch()
    found = index.stat()
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    locks = tmp_path / "locks"
    locks.write_text(
        f"1: POSIX  ADVISORY  READ 41 {place} 124 124\n"
        f"2: POSIX  ADVISORY  READ 42 {place} 128 128\n"
        f"3: POSIX  ADVISORY  WRITE 43 {place} 120 120\n"
        f"4: POSIX  ADVISORY  READ 44 00:1f:9 124 124\n"
        f"5: FLOCK  ADVISORY  READ 45 {place} 0 EOF\n"
        f"6: POSIX  ADVISORY  READ 40 {place} 123 123\n"
    )
    assert reading_processes(tmp_path / "mail.sqlite3", locks=locks) == [40, 41]
    assert reading_processes(tmp_path / "other.sqlite3", locks=locks) == []
    assert reading_processes(tmp_path / "mail.sqlite3", locks=tmp_path / "none") == []


@pytest.mark.skipif(not LOCKS.exists(), reason="the system has no list of locks")
def test_a_reading_of_sqlite_is_found(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite3"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE mail (body)")
        assert reading_processes(path) == []
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM mail").fetchall()
        assert reading_processes(path) == [os.getpid()]
        connection.execute("COMMIT")
    connection.close()


def test_readers_are_named_as_far_as_they_are_known() -> None:
    assert named([], own=5) == "another program"
    assert named([5], own=5) == "this program itself"
    assert named([4, 5, 6], own=5) == "process 4 and process 6"

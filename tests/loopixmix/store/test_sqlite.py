"""Stores in SQLite: private files, nothing left of what was deleted, damage found, one owner."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, text

from loopixmix.errors import StoreError
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.sqlite import PAGE_BYTES, sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.polls import POLL, cast, choices, votes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "poll.sqlite3"


def test_a_new_store_is_private_and_one_that_exists_becomes_so(path: Path) -> None:
    path.touch(mode=0o644)
    store = Store(POLL, sqlite_url(path), exclusive=True)
    store.write(lambda connection: cast(connection, b"v", "tea"))
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.glob("poll.sqlite3*")}
    assert set(modes) == {f"poll.sqlite3{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".mark", ".reserve")}
    assert set(modes.values()) == {0o600}, modes
    store.close()


def test_it_is_durable(path: Path) -> None:
    store = Store(POLL, sqlite_url(path))
    settings = ("journal_mode", "synchronous", "foreign_keys", "page_size")
    found = store.read(lambda c: [c.execute(text(f"PRAGMA {name}")).scalar_one() for name in settings])
    assert found == ["wal", 2, 1, PAGE_BYTES]
    store.close()


def test_what_was_deleted_is_not_left_in_the_file(path: Path) -> None:
    store = Store(POLL, sqlite_url(path))
    for number in range(5):
        store.write(lambda c, number=number: cast(c, bytes([number]), f"a marked wish, number {number}"))
    store.write(lambda connection: connection.execute(delete(votes)))
    store.close()  # the log of changes goes into the file, and away
    assert {found.name for found in path.parent.iterdir()} == {
        "poll.sqlite3",
        "poll.sqlite3.mark",
        "poll.sqlite3.reserve",
    }
    assert b"a marked wish" not in path.read_bytes()


def test_a_damaged_store_is_refused_in_one_line(path: Path) -> None:
    store = Store(POLL, sqlite_url(path))
    for number in range(200):
        store.write(lambda c, number=number: cast(c, number.to_bytes(32), "x" * 600))
    store.close()
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // PAGE_BYTES):
        data[page * PAGE_BYTES : page * PAGE_BYTES + 64] = b"\xa5" * 64
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"poll\.sqlite3: the store is damaged") as raised:
        Store(POLL, sqlite_url(path))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be read as one" * 200)
    with pytest.raises(
        StoreError, match=r"poll\.sqlite3: the store is damaged, or sealed .* \(file is not a database\)"
    ):
        Store(POLL, sqlite_url(path))


@pytest.mark.parametrize("place", ["gone/poll.sqlite3", "."])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        Store(POLL, sqlite_url(tmp_path / place))


def test_a_store_in_memory_has_no_other_address() -> None:
    with pytest.raises(StoreError, match="needs a file, not :memory:"):
        Store(POLL, "sqlite:///:memory:")


def test_one_connection_serves_any_thread_and_others_wait_for_none_to_read(path: Path) -> None:
    store = Store(POLL, sqlite_url(path), one_connection=True)
    with sqlite3.connect(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO votes (voter, choice) VALUES (x'00', 'unseen')")
        assert store.read(choices) == []
    writer.close()
    store.close()


def test_a_transaction_that_may_write_keeps_other_programs_out_from_its_beginning(path: Path) -> None:
    """Otherwise one that begins by reading fails when it comes to write, because another one wrote meanwhile."""
    store = Store(POLL, sqlite_url(path))
    other = sqlite3.connect(path, timeout=0)

    def read_and_write(connection: Connection) -> None:
        choices(connection)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO votes (voter, choice) VALUES (x'00', 'coffee')")
        cast(connection, b"v", "tea")

    store.write(read_and_write)
    assert store.read(choices) == ["tea"]
    other.close()
    store.close()


OWNER = """
import sys
from loopixmix.store.transactions import Store
from tests.worlds.polls import POLL
store = Store(POLL, sys.argv[1], exclusive=True)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_refused_while_there_is_a_first_however_that_ends(path: Path) -> None:
    url = sqlite_url(path)
    first = subprocess.Popen(
        [sys.executable, "-c", OWNER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(StoreUnavailableError, match=rf"poll\.sqlite3: is in use by process {first.pid}$"):
            Store(POLL, url, exclusive=True)
        beside = Store(POLL, url)  # an operator's command
        beside.write(lambda connection: cast(connection, b"v", "tea"))
        beside.close()
        first.kill()
    second = Store(POLL, url, exclusive=True)
    assert second.read(choices) == ["tea"]
    second.close()
    Store(POLL, url, exclusive=True).close()

"""The log of changes of a SQLite store: missed when it is gone, bounded while somebody reads, empty at the end."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from loopixmix.store.access import inline_access
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.sealing import StoreKey, seal_store
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.store.upkeep.log import MOST_LOG_BYTES
from loopixmix.store.upkeep.mark import MarkFile
from tests.worlds.polls import FIRST, POLL, cast, choices

KEY = StoreKey(bytes(range(32)))
MEGABYTE = 1024 * 1024
BOUND_BYTES = 64 * MEGABYTE


def log_of(store: Path) -> Path:
    return store.with_name(f"{store.name}-wal")


def vote(store: Store, number: int) -> None:
    store.write(lambda connection: cast(connection, b"%d" % number, f"tea {number}"))


def killed(directory: Path, *, key: StoreKey | None = None, votes: int = 5) -> Path:
    """Return a store as a program leaves it that is killed: five votes are in its log of changes."""
    path = directory / "poll.sqlite3"
    store = Store(POLL, sqlite_url(path), key=key)
    for number in range(votes):
        vote(store, number)
    left = directory / "left"
    left.mkdir()
    for file in directory.glob("poll.sqlite3*"):
        shutil.copy(file, left / file.name)
    store.close()
    return left / "poll.sqlite3"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read the store as a program does that takes its time."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM votes").fetchone()
        yield


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_a_log_that_was_deleted_is_missed(tmp_path: Path, key: StoreKey | None) -> None:
    path = killed(tmp_path, key=key)
    log_of(path).unlink()
    store = Store(POLL, sqlite_url(path), key=key)
    assert store.read(choices) == []
    assert store.loss == (
        "the last 5 changes of poll.sqlite3 are missing: its log of changes (poll.sqlite3-wal) was deleted, cut or "
        "damaged; what was stored last may be gone"
    )
    assert inline_access(store).problem == store.loss
    store.close()


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_log_that_was_cut_or_damaged_is_missed(tmp_path: Path, damage: str) -> None:
    path = killed(tmp_path)
    log = log_of(path)
    data = bytearray(log.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    log.write_bytes(data)
    store = Store(POLL, sqlite_url(path))
    left = len(store.read(choices))
    assert 0 < left < 5
    assert store.loss is not None
    assert store.loss.startswith(f"the last {5 - left} changes of poll.sqlite3 are missing")
    store.close()


def test_a_loss_is_told_again_until_a_program_had_time_to_tell_it(tmp_path: Path) -> None:
    path = killed(tmp_path)
    log_of(path).unlink()
    for _ in range(2):
        store = Store(POLL, sqlite_url(path))
        vote(store, 9) if not store.read(choices) else None
        assert store.loss is not None
        store.close()


def test_what_a_kill_or_an_orderly_end_leaves_raises_no_alarm(tmp_path: Path) -> None:
    path = killed(tmp_path)
    for _ in range(2):
        store = Store(POLL, sqlite_url(path))
        assert store.loss is None
        assert len(store.read(choices)) == 5
        store.close()


def test_neither_does_another_program_that_takes_up_what_a_kill_left(tmp_path: Path) -> None:
    path = killed(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM votes").fetchone() == (5,)
    assert not log_of(path).exists()
    store = Store(POLL, sqlite_url(path))
    assert store.loss is None
    store.close()


def test_nor_an_older_copy_that_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "poll.sqlite3"
    store = Store(POLL, sqlite_url(path))
    vote(store, 1)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        source.backup(copy)
    vote(store, 2)
    store.close()
    shutil.copy(tmp_path / "copy", path)
    store = Store(POLL, sqlite_url(path))
    assert store.loss is None
    assert store.read(choices) == ["tea 1"]
    store.close()


def test_nor_a_mark_that_was_deleted_or_a_store_of_before_there_were_marks(tmp_path: Path) -> None:
    path = tmp_path / "poll.sqlite3"
    Store(FIRST, sqlite_url(path)).close()
    path.with_name("poll.sqlite3.mark").unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    store = Store(POLL, sqlite_url(path))
    assert store.loss is None
    store.close()


def test_an_orderly_end_leaves_an_empty_log_also_while_another_program_has_the_store_open(tmp_path: Path) -> None:
    path = tmp_path / "poll.sqlite3"
    store = Store(POLL, sqlite_url(path))
    vote(store, 1)
    assert log_of(path).stat().st_size > 0
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM votes").fetchone() == (1,)
        other.rollback()
        store.close()
        assert log_of(path).stat().st_size == 0


def test_a_new_store_does_not_stand_in_its_log_alone(tmp_path: Path) -> None:
    path = tmp_path / "poll.sqlite3"
    store = Store(POLL, sqlite_url(path))
    assert log_of(path).stat().st_size == 0
    store.close()


def test_under_a_held_reading_the_log_stays_within_its_bound_and_empties_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "poll.sqlite3"
    store = Store(POLL, sqlite_url(path))
    vote(store, 1)

    def fill() -> None:
        for number in range(2, 100):
            store.write(partial(cast, voter=b"%d" % number, choice="tea" * MEGABYTE))

    with reading(path):
        with pytest.raises(StoreUnavailableError, match=r"cannot be written until .+ has ended its reading"):
            fill()
        assert MOST_LOG_BYTES < log_of(path).stat().st_size <= BOUND_BYTES
        assert len(store.read(choices)) > 10
    vote(store, 100)
    assert log_of(path).stat().st_size < MEGABYTE
    store.close()


def test_to_seal_a_store_raises_no_alarm_and_hides_none(tmp_path: Path) -> None:
    path = killed(tmp_path)
    seal_store(path, KEY)
    mark = MarkFile(path)
    before = mark.read()
    store = Store(POLL, sqlite_url(path), key=KEY)
    assert store.loss is None
    assert mark.read() == before
    mark.close()
    assert len(store.read(choices)) == 5
    store.close()

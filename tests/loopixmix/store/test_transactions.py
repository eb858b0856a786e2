"""Transactions, which are to be the same in SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text

from loopixmix.errors import DISK_FULL, DiskFullError, StoreError
from loopixmix.store.faults import ConstraintError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.polls import POLL, cast, choices, votes


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_database(request.param, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(POLL, url)
    yield opened
    opened.close()


def test_what_was_written_is_there_after_a_restart(url: str) -> None:
    store = Store(POLL, url)
    assert store.write(lambda connection: cast(connection, b"v", "tea")) is None
    store.close()
    store = Store(POLL, url)
    assert store.read(choices) == ["tea"]
    store.close()


def test_what_fails_in_a_transaction_leaves_nothing_and_is_told_without_its_values(store: Store) -> None:
    rows = [{"id": 1, "voter": b"v", "choice": "marked"}, {"id": 2, "voter": b"v", "choice": "marked"}]
    with pytest.raises(ConstraintError, match=r"cannot be written: .*(UNIQUE|unique)") as raised:
        store.write(lambda c: c.execute(insert(votes), rows))
    assert "marked" not in str(raised.value)
    assert store.read(choices) == []
    with pytest.raises(StoreError, match=r"cannot be read: .*birds") as unread:
        store.read(lambda c: c.execute(text("SELECT * FROM birds WHERE name = :name"), {"name": "marked"}))
    assert "\n" not in str(unread.value)
    assert "marked" not in str(unread.value)


def test_an_error_of_the_caller_passes_and_leaves_nothing(store: Store) -> None:
    def fail(connection: Connection) -> None:
        cast(connection, b"v", "tea")
        raise LookupError

    with pytest.raises(LookupError):
        store.write(fail)
    assert store.read(choices) == []


def test_a_statement_that_may_fail_is_tried_in_a_nested_transaction(store: Store) -> None:
    def vote_twice(connection: Connection) -> None:
        cast(connection, b"v", "tea")
        with pytest.raises(Exception, match=r"(?i)unique"), connection.begin_nested():
            cast(connection, b"v", "coffee")
        cast(connection, b"w", "water")

    store.write(vote_twice)
    assert store.read(choices) == ["tea", "water"]


def test_a_reading_sees_one_state_whatever_is_written_meanwhile(store: Store) -> None:
    store.write(lambda connection: cast(connection, b"v", "tea"))

    def read_twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = choices(connection)
        store.write(lambda c: cast(c, b"w", "coffee"))
        return before, choices(connection)

    assert store.read(read_twice) == (["tea"], ["tea"])
    assert store.read(choices) == ["tea", "coffee"]


def test_two_programs_that_count_and_write_do_not_count_the_same(url: str) -> None:
    """Each reads a number and writes the next one, in a transaction that begins by reading."""
    stores = [Store(POLL, url) for _ in range(2)]
    rounds = 25

    def count(connection: Connection) -> None:
        number = connection.execute(select(func.count()).select_from(votes)).scalar_one()
        cast(connection, number.to_bytes(32), str(number))

    def work(store: Store) -> None:
        for _ in range(rounds):
            store.write(count)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert stores[0].read(choices) == [str(number) for number in range(2 * rounds)]
    for store in stores:
        store.close()


def test_the_size_grows(store: Store) -> None:
    before = store.read(store.used_bytes)
    rows = [{"voter": number.to_bytes(32), "choice": "tea" * 20} for number in range(2000)]
    store.write(lambda c: c.execute(insert(votes), rows))
    assert store.read(store.used_bytes) > before + 100_000


class StoreOnAFullDisk(Store):
    """A store that may not grow, and whose disk says what the test says."""

    room = False

    def has_room(self) -> bool:
        return self.room

    def limit(self) -> None:
        pages = self.read(lambda connection: connection.execute(text("PRAGMA page_count")).scalar_one())
        self.read(lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}")))


def test_a_full_disk_is_the_problem_of_a_store_until_there_is_room(tmp_path: Path) -> None:
    store = StoreOnAFullDisk(POLL, sqlite_url(tmp_path / "poll.sqlite3"), one_connection=True)
    store.limit()
    assert store.problem is None
    with pytest.raises(DiskFullError):
        store.write(lambda connection: cast(connection, b"1", "coffee" * 10_000))
    # Small changes still fit, and reading needs no room: neither says anything about the disk.
    store.write(lambda connection: cast(connection, b"2", "tea"))
    assert store.read(choices) == ["tea"]
    assert (store.problem or "").startswith(DISK_FULL)
    store.room = True
    assert store.problem is None
    store.room = False
    assert store.problem is None
    store.close()


def test_a_lost_log_is_the_problem_of_a_store(tmp_path: Path) -> None:
    path = tmp_path / "poll.sqlite3"
    lost = StoreThatLost(POLL, sqlite_url(path))
    assert lost.problem == "changes are missing"
    lost.close()


class StoreThatLost(Store):
    """A store whose log of changes is gone."""

    @property
    def loss(self) -> str:
        return "changes are missing"

"""Transactions, which are to be the same in SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text

from loopixmix.errors import StoreError
from loopixmix.store.faults import ConstraintError
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

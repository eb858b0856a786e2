from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from loopixmix.errors import StoreError
from loopixmix.store.commits import SharedCommits
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.polls import POLL, cast, choices

_R = TypeVar("_R")


class CountingStore(Store):
    """Counts its transactions, and lets none begin before it is opened."""

    def __init__(self, store: Store) -> None:
        self._inner = store
        self.commits = 0
        self.begun, self.opened = threading.Event(), threading.Event()

    def write(self, work: Callable[[Connection], _R]) -> _R:
        self.begun.set()
        self.opened.wait(10)
        self.commits += 1
        return self._inner.write(work)


@pytest.fixture
def store_of_votes(tmp_path: Path) -> Iterator[Store]:
    opened = Store(POLL, sqlite_url(tmp_path / "poll.sqlite3"))
    yield opened
    opened.close()


def add(connection: Connection, number: int) -> int:
    cast(connection, number.to_bytes(32), str(number))
    return number


def count(store: Store) -> int:
    return len(store.read(choices))


def test_threads_that_write_at_once_share_a_commit(store_of_votes: Store) -> None:
    store = CountingStore(store_of_votes)
    commits = SharedCommits(store)
    with ThreadPoolExecutor(20) as pool:
        writes = [pool.submit(commits.write, lambda c, n=n: add(c, n)) for n in range(20)]
        # The first one has begun, and all the others wait behind it.
        while len(commits._waiting) < 19:
            pass
        store.opened.set()
        assert [write.result(10) for write in writes] == list(range(20))
    assert store.commits == 2
    assert count(store_of_votes) == 20


def test_work_that_fails_harms_no_other(store_of_votes: Store) -> None:
    store = CountingStore(store_of_votes)
    commits = SharedCommits(store)

    def fail(connection: Connection) -> int:
        add(connection, 99)
        raise ArithmeticError("of its own")

    def break_a_rule(connection: Connection) -> int:
        add(connection, 50)
        return add(connection, 50)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(commits.write, lambda c: add(c, 0))
        store.begun.wait(10)
        good = [pool.submit(commits.write, lambda c, n=n: add(c, n)) for n in range(1, 5)]
        failing, breaking = pool.submit(commits.write, fail), pool.submit(commits.write, break_a_rule)
        while len(commits._waiting) < 6:
            pass
        store.opened.set()
        assert [write.result(10) for write in (first, *good)] == list(range(5))
        with pytest.raises(ArithmeticError):
            failing.result(10)
        with pytest.raises(StoreError):
            breaking.result(10)
    assert count(store_of_votes) == 5


class AwayStore(Store):
    """A store whose server is away."""

    def __init__(self) -> None:
        self.tried = 0
        self.opened = threading.Event()

    def write(self, work: Callable[[Connection], _R]) -> _R:
        self.opened.wait(10)
        self.tried += 1
        raise StoreUnavailableError("the server is away")


def test_a_server_that_is_away_is_not_waited_for_once_more_for_each_thread() -> None:
    store = AwayStore()
    commits = SharedCommits(store)
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(commits.write, lambda c: None) for _ in range(8)]
        while len(commits._waiting) < 7:
            pass
        store.opened.set()
        for write in writes:
            with pytest.raises(StoreUnavailableError):
                write.result(10)
    assert store.tried == 2


def test_no_writer_serves_the_others_for_ever(store_of_votes: Store) -> None:
    store = CountingStore(store_of_votes)
    commits = SharedCommits(store)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(commits.write, lambda c: add(c, 0))
        store.begun.wait(10)
        others = [pool.submit(commits.write, lambda c, n=n: add(c, n)) for n in range(1, 500)]
        store.opened.set()
        # The second thread writes without a pause, and yet the first one comes back.
        assert first.result(10) == 0
        assert [write.result(10) for write in others] == list(range(1, 500))
    assert count(store_of_votes) == 500


def test_one_writer_after_the_other_each_has_its_commit(store_of_votes: Store) -> None:
    store = CountingStore(store_of_votes)
    store.opened.set()
    commits = SharedCommits(store)
    assert [commits.write(lambda c, n=n: add(c, n)) for n in range(3)] == [0, 1, 2]  # type: ignore[misc]
    assert store.commits == 3

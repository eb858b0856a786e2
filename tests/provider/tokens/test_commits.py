from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select

from loopixmix.errors import StoreError
from loopixmix.store.transactions import Store
from provider.tokens.commits import SharedCommits
from provider.tokens.store import codes

_R = TypeVar("_R")


class CountingStore(Store):
    """Counts its transactions, and lets none begin before it is opened."""

    def __init__(self, store: Store) -> None:
        self._inner = store
        self.commits = 0
        self.opened = threading.Event()

    def write(self, work):  # type: ignore[no-untyped-def]
        self.opened.wait(10)
        self.commits += 1
        return self._inner.write(work)


def put(number: int) -> int:
    return number


def add(connection: Connection, number: int) -> int:
    connection.execute(insert(codes), {"code_hash": number.to_bytes(32), "tokens": number, "last_day": 0})
    return number


def count(store: Store) -> int:
    return store.read(lambda connection: connection.execute(select(func.count()).select_from(codes)).scalar_one())


def test_threads_that_write_at_once_share_a_commit(token_store: Store) -> None:
    store = CountingStore(token_store)
    commits = SharedCommits(store)
    with ThreadPoolExecutor(20) as pool:
        writes = [pool.submit(commits.write, lambda c, n=n: add(c, n)) for n in range(20)]
        # The first one has begun, and all the others wait behind it.
        while len(commits._waiting) < 19:
            pass
        store.opened.set()
        assert [write.result(10) for write in writes] == list(range(20))
    assert store.commits == 2
    assert count(token_store) == 20


def test_work_that_fails_harms_no_other(token_store: Store) -> None:
    store = CountingStore(token_store)
    commits = SharedCommits(store)

    def fail(connection: Connection) -> int:
        add(connection, 99)
        raise ArithmeticError("of its own")

    def break_a_rule(connection: Connection) -> int:
        add(connection, 50)
        return add(connection, 50)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(commits.write, lambda c: add(c, 0))
        while not commits._writing.locked():
            pass
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
    assert count(token_store) == 5


def test_one_writer_after_the_other_each_has_its_commit(token_store: Store) -> None:
    store = CountingStore(token_store)
    store.opened.set()
    commits = SharedCommits(store)
    assert [commits.write(lambda c, n=n: add(c, n)) for n in range(3)] == [0, 1, 2]  # type: ignore[misc]
    assert store.commits == 3

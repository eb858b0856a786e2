"""Durable single rows through group commit, in SQLite and PostgreSQL, beside the same rows in plain transactions."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from benchmarks.report import OUTPUT, Figure, barred
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.databases import PostgresServer
from tests.worlds.polls import POLL, cast, choices

FIGURES = ("disk_flushes_per_s", "store_writes_per_s", "store_writes_postgres_per_s")
BAR_PER_S = 2000.0
IN_FLIGHT = 64
WARM_UP_S = 1.0
MEASURE_S = 10.0
COMPARE_S = 3.0


def measure() -> Iterator[Figure]:
    """Measure on the disk of this directory; the server has its files where its user can read them."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as directory:
        yield Figure(name="disk_flushes_per_s", value=flushes_per_s(Path(directory)), unit="flushes/s")
        found: list[Figure] = []
        try:
            # All of it in one run of the reactor, which can be started only once.
            react(lambda _: Deferred.fromCoroutine(_measure(Path(directory), found)))
        except SystemExit as end:
            if end.code:
                raise RuntimeError("not everything could be measured") from end
        finally:
            yield from found


async def _measure(directory: Path, found: list[Figure]) -> None:
    plain = plain_sqlite_per_s(directory)
    rate = await writes_per_s(sqlite_url(directory / "poll.sqlite3"))
    found.append(barred("store_writes_per_s", rate, "writes/s", bar=BAR_PER_S, better="higher", reference=plain))
    server = PostgresServer()
    try:
        server.start()
        plain, rate = plain_postgres_per_s(server), await writes_per_s(server.make_place())
    finally:
        server.remove()
    name = "store_writes_postgres_per_s"
    found.append(barred(name, rate, "writes/s", bar=BAR_PER_S, better="higher", reference=plain))


async def writes_per_s(url: str) -> float:
    """Return how many rows a second are written by callers who each wait for a row before they write the next."""
    store = Store(POLL, url)
    access = threaded_access(store, waiting="votes", call_on_reactor=reactor.callFromThread)
    begin_s = time.perf_counter() + WARM_UP_S
    end_s, voters = begin_s + MEASURE_S, itertools.count()
    counts = await gatherResults(
        [Deferred.fromCoroutine(_write(access, voters, begin_s, end_s)) for _ in range(IN_FLIGHT)]
    )
    there = len(await access.read(choices))
    await access.stop()
    if there != next(voters):
        raise RuntimeError(f"{there} rows are in the store, which is not what was written")
    return sum(counts) / MEASURE_S


async def _write(access: StoreAccess, voters: Iterator[int], begin_s: float, end_s: float) -> int:
    written = 0
    while (now_s := time.perf_counter()) < end_s:
        voter = next(voters).to_bytes(32)
        await access.write(partial(cast, voter=voter, choice="tea"))
        written += begin_s <= now_s
    return written


def flushes_per_s(directory: Path) -> float:
    """Return how often a second the disk confirms what was appended to a file."""
    descriptor = os.open(directory / "flushed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def flush() -> None:
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)

    try:
        return _times_per_s(flush)
    finally:
        os.close(descriptor)


def plain_sqlite_per_s(directory: Path) -> float:
    """Return how many rows a second SQLite takes by itself, as many in a transaction as are in flight above."""
    path = directory / "plain.sqlite3"
    Store(POLL, sqlite_url(path)).close()
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        voters = itertools.count()

        def insert() -> None:
            connection.execute("BEGIN IMMEDIATE")
            rows = [(next(voters).to_bytes(32),) for _ in range(IN_FLIGHT)]
            connection.executemany("INSERT INTO votes (voter, choice) VALUES (?, 'tea')", rows)
            connection.execute("COMMIT")

        return IN_FLIGHT * _times_per_s(insert)


def plain_postgres_per_s(server: PostgresServer) -> float:
    """Return how many rows a second PostgreSQL takes from psycopg, as many in a transaction as are in flight above."""
    with server.connect("postgres") as connection:
        connection.execute("CREATE TABLE votes (id bigserial PRIMARY KEY, voter bytea UNIQUE, choice varchar(64))")
        voters = itertools.count()

        def insert() -> None:
            rows = [(next(voters).to_bytes(32),) for _ in range(IN_FLIGHT)]
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany("INSERT INTO votes (voter, choice) VALUES (%s, 'tea')", rows)

        return IN_FLIGHT * _times_per_s(insert)


def _times_per_s(job: Callable[[], object]) -> float:
    times, begin_s = 0, time.perf_counter()
    while (seconds := time.perf_counter() - begin_s) < COMPARE_S:
        job()
        times += 1
    return times / seconds

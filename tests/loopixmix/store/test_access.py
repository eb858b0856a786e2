"""Access to a store: results come by and by, failures reach the alarm, and stopping finishes what was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from loopixmix.errors import MisuseError, StoreError
from loopixmix.store.access import StoreAccess, clocked_access, inline_access, ordered_access, threaded_access
from loopixmix.store.faults import ConstraintError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.networks.reactor_threads import ReactorThread
from tests.worlds.polls import POLL, cast, choices

WRITE_S, READ_S = 0.004, 0.001


class NoSuchPollError(MisuseError):
    """An error of the application's own."""


class StoreWithoutRoom(Store):
    """One whose log of changes cannot be emptied."""

    def empty_log(self) -> None:
        raise StoreError("no room")


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store(POLL, new_database(request.param, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(store: Store, clock: Clock) -> Iterator[StoreAccess]:
    access = clocked_access(store, waiting="votes", clock=clock, write_s=WRITE_S, read_s=READ_S)
    yield access
    Deferred.fromCoroutine(access.stop())
    assert clock.getDelayedCalls() == []


def results_of(*asked: Deferred[object]) -> list[object]:
    """Return a list that results, and the types of failures, come into."""
    results: list[object] = []
    for each in asked:
        each.addCallbacks(results.append, lambda failure: results.append(type(failure.value)))
    return results


def ballot(number: int) -> bytes:
    return bytes([number]) * 32


def refuse(_: Connection) -> None:
    raise StoreError("it cannot be done")


def deny(_: Connection) -> None:
    raise NoSuchPollError("there is no such poll")


def blunder(_: Connection) -> None:
    raise ZeroDivisionError("a mistake in the program")


def test_changes_that_come_together_are_there_together(access: StoreAccess, clock: Clock, store: Store) -> None:
    results = results_of(*(access.write(lambda c, n=n: cast(c, ballot(n), "tea")) for n in range(3)))
    assert (results, access.waiting, store.read(choices)) == ([], 3, [])
    clock.advance(WRITE_S)
    assert (results, access.waiting, store.read(choices)) == ([None] * 3, 0, ["tea"] * 3)


def test_one_bad_change_harms_no_other(access: StoreAccess, clock: Clock, store: Store) -> None:
    results = results_of(
        access.write(lambda c: cast(c, ballot(1), "tea")),
        access.write(lambda c: cast(c, ballot(1), "tea, again")),
        access.write(lambda c: c.exec_driver_sql("nonsense")),
        access.write(deny),
        access.write(lambda c: cast(c, ballot(2), "coffee")),
    )
    clock.advance(WRITE_S)
    assert results == [None, ConstraintError, StoreError, NoSuchPollError, None]
    assert store.read(choices) == ["tea", "coffee"]


def test_a_reading_does_not_wait_for_a_change(access: StoreAccess, clock: Clock) -> None:
    changed, read = results_of(access.write(choices)), results_of(access.read(choices))
    clock.advance(READ_S)
    assert (changed, read) == ([], [[]])


@pytest.mark.parametrize("work", [refuse, blunder])
@pytest.mark.parametrize("way", ["read", "write"])
def test_every_failure_of_the_store_reaches_the_alarm(
    access: StoreAccess, clock: Clock, way: str, work: object
) -> None:
    results = results_of(access.read(work) if way == "read" else access.write(work))
    clock.advance(WRITE_S)
    assert results in ([StoreError], [ZeroDivisionError])
    assert access.problem in ("it cannot be done", "a mistake in the program")
    access.write(lambda c: cast(c, ballot(1), "tea"))
    clock.advance(WRITE_S)
    assert access.problem is None


def test_a_contradiction_is_no_problem_of_the_store(access: StoreAccess, clock: Clock) -> None:
    results = results_of(*(access.write(lambda c: cast(c, ballot(1), "tea")) for _ in range(2)))
    clock.advance(WRITE_S)
    assert results == [None, ConstraintError]
    assert access.problem is None


def test_an_error_of_the_application_is_no_problem_of_the_store(access: StoreAccess, clock: Clock) -> None:
    results = results_of(access.write(deny), access.read(deny))
    clock.advance(WRITE_S)
    assert results == [NoSuchPollError] * 2
    assert access.problem is None


def test_that_nobody_waits_any_more_is_no_problem_of_the_store(access: StoreAccess, clock: Clock) -> None:
    for asked in (access.read(choices), access.write(lambda connection: cast(connection, ballot(1), "tea"))):
        asked.addErrback(lambda _: None)
        asked.cancel()
    clock.advance(WRITE_S)
    assert access.problem is None


def test_stopping_writes_what_was_accepted_and_takes_nothing_more(access: StoreAccess) -> None:
    results = results_of(access.write(lambda c: cast(c, ballot(1), "tea")))
    stopped = results_of(Deferred.fromCoroutine(access.stop()))
    assert (results, stopped) == ([None], [None])
    assert results_of(access.write(choices), access.read(choices)) == [StoreError] * 2


def test_the_size_on_the_disk_is_told(access: StoreAccess, clock: Clock, store: Store) -> None:
    told = results_of(access.used_bytes())
    clock.advance(READ_S)
    assert told == [store.read(store.used_bytes)]
    assert isinstance(told[0], int)
    assert told[0] > 10_000


def test_who_hears_of_the_commit_hears_of_it_before_the_next_transaction(access: StoreAccess, clock: Clock) -> None:
    told: list[object] = []
    access.write(choices, committed=lambda found: told.append(("first", found)))
    access.write(refuse, committed=told.append).addErrback(lambda _: None)
    clock.advance(WRITE_S)
    assert told == [("first", [])]


def test_inline_everything_is_done_at_once_and_work_that_fails_leaves_nothing(store: Store) -> None:
    access = inline_access(store)
    assert results_of(access.write(lambda c: cast(c, ballot(1), "tea"))) == [None]

    def fail(connection: Connection) -> None:
        cast(connection, ballot(2), "coffee")
        raise LookupError

    assert results_of(access.write(fail), access.read(choices)) == [LookupError, ["tea"]]


def test_a_turn_comes_after_everything_before_whether_or_not_it_worked(store: Store) -> None:
    access, order = inline_access(store), []
    access.write(lambda c: c.exec_driver_sql("nonsense")).addErrback(lambda _: order.append("failed"))
    access.turn().addCallback(lambda _: order.append("turn"))
    store.write(lambda c: c.exec_driver_sql("DROP TABLE votes"))
    access.read(choices).addErrback(lambda _: order.append("broken"))
    access.turn().addCallback(lambda _: order.append("turn"))
    Deferred.fromCoroutine(access.finish()).addCallback(lambda _: order.append("finished"))
    assert order == ["failed", "turn", "broken", "turn", "finished"]
    assert store.read(lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1  # still open


def stop(access: StoreAccess, reactor: ReactorThread) -> None:
    stopped = results_of(Deferred.fromCoroutine(access.stop()))
    reactor.run_until(lambda: bool(stopped))
    assert stopped == [None]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("store")]


def test_threads_store_everything_in_order_and_stop(store: Store) -> None:
    reactor = ReactorThread()
    access = threaded_access(store, waiting="votes", call_on_reactor=reactor.call)
    results = results_of(*(access.write(lambda c, n=n: cast(c, n.to_bytes(32), str(n))) for n in range(2000)))
    failed = results_of(access.write(refuse))
    reactor.run_until(lambda: len(results) == 2000 and bool(failed))
    read = results_of(access.read(choices))
    reactor.run_until(lambda: bool(read))
    assert (read, failed) == ([[str(n) for n in range(2000)]], [StoreError])
    stop(access, reactor)


def test_a_reading_in_another_thread_does_not_wait_for_the_writer(store: Store) -> None:
    reactor = ReactorThread()
    access = threaded_access(store, waiting="votes", call_on_reactor=reactor.call)
    writing, may_end = threading.Event(), threading.Event()

    def write_slowly(connection: Connection) -> None:
        cast(connection, ballot(1), "tea")
        writing.set()
        assert may_end.wait(10)

    written = results_of(access.write(write_slowly))
    assert writing.wait(10)
    read = results_of(access.read(choices))
    reactor.run_until(lambda: bool(read))
    assert (read, written) == ([[]], [])
    may_end.set()
    stop(access, reactor)
    assert written == [None]


def test_in_one_thread_a_reading_sees_what_was_asked_for_before(store: Store) -> None:
    reactor = ReactorThread()
    access = ordered_access(store, waiting="votes", call_on_reactor=reactor.call)
    results = results_of(access.write(lambda c: cast(c, ballot(1), "tea")), access.read(choices), access.turn())
    reactor.run_until(lambda: len(results) == 3)
    assert results == [None, ["tea"], None]
    stop(access, reactor)


def test_the_log_of_changes_is_emptied_in_its_turn(tmp_path: Path) -> None:
    path, reactor = tmp_path / "poll.sqlite3", ReactorThread()
    access = threaded_access(Store(POLL, sqlite_url(path)), waiting="votes", call_on_reactor=reactor.call)
    results = results_of(access.write(lambda c: cast(c, ballot(1), "tea")), access.empty_log(), access.read(choices))
    reactor.run_until(lambda: len(results) == 3)
    assert path.with_name("poll.sqlite3-wal").read_bytes() == b""
    more = results_of(access.write(lambda c: cast(c, ballot(2), "coffee")))
    reactor.run_until(lambda: bool(more))
    assert more == [None]
    stop(access, reactor)


def test_that_it_cannot_be_emptied_is_an_alarm_and_spoils_nothing(tmp_path: Path) -> None:
    clock, store = Clock(), StoreWithoutRoom(POLL, sqlite_url(tmp_path / "poll.sqlite3"))
    access = clocked_access(store, waiting="votes", clock=clock, write_s=WRITE_S, read_s=READ_S)
    results = results_of(access.write(lambda c: cast(c, ballot(1), "tea")), access.empty_log())
    clock.advance(WRITE_S)
    assert results == [None, None]
    assert access.problem == "no room"
    assert store.read(choices) == ["tea"]
    Deferred.fromCoroutine(access.stop())

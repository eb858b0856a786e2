"""Access to the store: results come by and by, failures reach the alarm, and stopping finishes what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from loopixmix.errors import StoreError
from provider.mailbox import Fetch, Fresh
from provider.store import MailStore
from provider.store.items import PutOutcome, expire_items, take_items
from tests.worlds.mailboxes.mailstores import ALICE, NOBODY, READ_S, WRITE_S, StoreWorld, figures, message


@pytest.fixture
def world(store: MailStore) -> Iterator[StoreWorld]:
    world = StoreWorld(store)
    yield world
    Deferred.fromCoroutine(world.access.stop())
    assert world.clock.getDelayedCalls() == []


def results_of(*asked: Deferred[object]) -> list[object]:
    """Return a list that results, and the types of failures, come into."""
    results: list[object] = []
    for each in asked:
        each.addCallbacks(results.append, lambda failure: results.append(type(failure.value)))
    return results


def refuse(_: Connection) -> None:
    raise StoreError("it cannot be done")


def test_an_item_is_stored_and_deleted(world: StoreWorld) -> None:
    results = results_of(world.access.put(message(ALICE)), world.access.put(message(NOBODY)))
    assert (results, world.access.waiting) == ([], 2)
    world.clock.advance(WRITE_S)
    assert (results, world.access.waiting) == ([PutOutcome.STORED, PutOutcome.UNKNOWN_RECIPIENT], 0)
    taken = world.store.read(lambda connection: take_items(connection, ALICE, Fetch((), Fresh(0, 9), Fresh(0, 9))))
    assert taken is not None
    deleted = results_of(world.access.delete(ALICE, [taken.items[0].number]))
    world.clock.advance(WRITE_S)
    assert (deleted, world.bodies()) == ([None], [])


def test_a_reading_does_not_wait_for_a_change(world: StoreWorld) -> None:
    changed, read = results_of(world.access.write(figures)), results_of(world.access.read(figures))
    world.clock.advance(READ_S)
    assert (len(changed), len(read)) == (0, 1)


@pytest.mark.parametrize("way", ["read", "write"])
def test_every_failure_reaches_the_alarm_and_whoever_asked(world: StoreWorld, logged: list[LogEvent], way: str) -> None:
    asked = world.access.read(refuse) if way == "read" else world.access.write(refuse)
    results = results_of(asked)
    world.clock.advance(WRITE_S)
    assert results == [StoreError]
    assert world.access.problem == "it cannot be done"
    assert len(logged) == 1


def test_only_an_item_that_was_written_ends_the_alarm(world: StoreWorld) -> None:
    """On a full disk readings, deletions and expiry succeed: they prove nothing."""
    results_of(world.access.write(refuse))
    world.clock.advance(WRITE_S)
    results = results_of(
        world.access.read(figures), world.access.delete(ALICE, [1]), world.access.write(lambda c: expire_items(c, 0, 1))
    )
    world.clock.advance(WRITE_S)
    assert len(results) == 3
    assert world.access.problem == "it cannot be done"
    results_of(world.access.put(message(ALICE)))
    world.clock.advance(WRITE_S)
    assert world.access.problem is None


def test_stopping_writes_what_was_accepted_and_takes_nothing_more(world: StoreWorld) -> None:
    results = results_of(world.access.put(message(ALICE)))
    stopped = results_of(Deferred.fromCoroutine(world.access.stop()))
    assert (results, stopped) == ([PutOutcome.STORED], [None])
    assert results_of(world.access.put(message(ALICE)), world.access.read(figures)) == [StoreError] * 2


def test_the_size_on_the_disk_is_told(world: StoreWorld) -> None:
    told = results_of(world.access.used_bytes())
    world.clock.advance(READ_S)
    assert told == [world.store.read(world.store.used_bytes)]
    assert isinstance(told[0], int)
    assert told[0] > 10_000

"""A status is told in a moment, whatever the store does."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.receiving.unread import SLOW, WAIT_S, UnreadCount
from client.store import ClientStore
from client.store.incoming import Arrival, insert_arrival
from client.values import Verified
from loopixmix.store.access import StoreAccess, clocked_access

LOCKED_S = 10.0
"""So long a transaction waits for another program."""


def arrive(access: StoreAccess, number: int) -> None:
    arrival = Arrival(
        author=b"",
        message_id=f"{number}",
        sender=None,
        verified=Verified.UNKNOWN,
        kind="text",
        body=b"",
        received_at_s=0,
    )
    access.write(lambda connection: insert_arrival(connection, arrival))


@pytest.fixture
def store() -> ClientStore:
    return ClientStore(None)


def asked(unread: UnreadCount) -> Deferred[int]:
    return Deferred.fromCoroutine(unread.ask())


def result_of(deferred: Deferred[int]) -> int:
    results: list[int] = []
    deferred.addCallback(results.append)
    return results[0]


def test_a_store_that_answers_is_waited_for(store: ClientStore) -> None:
    clock = Clock()
    access = clocked_access(store, clock=clock, write_s=0.1, read_s=0.1)
    arrive(access, 1)
    clock.advance(0.1)
    unread = UnreadCount(access, clock=clock)
    asking = asked(unread)
    clock.advance(0.1)
    assert result_of(asking) == 1
    assert unread.problem is None
    assert clock.getDelayedCalls() == []


def test_one_that_is_locked_is_told_and_asked_once(store: ClientStore) -> None:
    clock = Clock()
    access = clocked_access(store, clock=clock, write_s=0.1, read_s=LOCKED_S)
    unread = UnreadCount(access, clock=clock)
    asking = asked(unread)
    clock.advance(WAIT_S)
    assert result_of(asking) == 0
    assert unread.problem == SLOW
    arrive(access, 1)
    assert [result_of(asked(unread)) for _ in range(3)] == [0, 0, 0]  # at once, with the last known number
    assert len(clock.getDelayedCalls()) == 2  # the question, and the message that came
    clock.advance(LOCKED_S)
    assert unread.problem is None
    asking = asked(unread)
    clock.advance(WAIT_S)
    assert result_of(asking) == 1


def test_a_store_that_was_slow_to_open_is_asked_once_it_is_there(store: ClientStore) -> None:
    clock = Clock()
    access = clocked_access(store, clock=clock, write_s=0.1, read_s=0.1)
    arrive(access, 1)
    unread = UnreadCount(access, clock=clock)
    opening = Deferred.fromCoroutine(unread.in_time(Deferred()))
    clock.advance(WAIT_S)
    assert (opening.result, unread.problem) == (False, SLOW)
    asking = asked(unread)
    clock.advance(0.1)
    assert result_of(asking) == 1
    assert unread.problem is None

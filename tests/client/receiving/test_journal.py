from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from client.api import Verified
from client.core.journal import Cursor
from client.feeds.failures import CallbackFailures
from client.receiving.journal import Journal
from client.receiving.unread import UnreadCount
from client.store import incoming
from client.store.incoming import Arrival
from tests.worlds.clients.parts import Parts, outcome


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


@pytest.fixture
def journal(parts: Parts) -> Journal:
    unread = UnreadCount(parts.access, clock=parts.clock)
    return Journal(parts.access, parts.news, parts.outbox, unread, clock=parts.clock, failures=CallbackFailures())


def arrive(parts: Parts, number: int, *, body: bytes = b"hello") -> None:
    arrival = Arrival(
        author=b"",
        message_id=f"{number:032x}",
        sender=None,
        verified=Verified.UNKNOWN,
        kind="text",
        body=body,
        received_at_s=parts.now_s,
    )
    parts.store.write(lambda c: incoming.insert_arrival(c, arrival))


def test_received_messages_come_by_their_numbers(parts: Parts, journal: Journal) -> None:
    for number in (1, 2, 3):
        arrive(parts, number)
    got = outcome(Deferred.fromCoroutine(journal.received(after=1, limit=5)))
    assert isinstance(got, list)
    assert [message.number for message in got] == [2, 3]
    assert outcome(Deferred.fromCoroutine(journal.unread())) == 3


def test_fewer_come_if_they_are_long(parts: Parts, journal: Journal) -> None:
    for number in (1, 2):
        arrive(parts, number, body=bytes(20 * 1024 * 1024))
    got = outcome(Deferred.fromCoroutine(journal.received(after=0, limit=5)))
    assert isinstance(got, list)
    assert [message.number for message in got] == [1]


def test_the_newest_numbers_tell_where_to_go_on(parts: Parts, journal: Journal) -> None:
    assert outcome(Deferred.fromCoroutine(journal.newest())) == Cursor(0, 0)
    arrive(parts, 1)
    message_id = parts.dispatch(b"x")
    assert outcome(Deferred.fromCoroutine(journal.newest())) == Cursor(1, 1)
    changes = outcome(Deferred.fromCoroutine(journal.state_changes(after=0, limit=5)))
    assert isinstance(changes, list)
    assert [(change.number, change.message_id) for change in changes] == [(1, message_id)]
    assert outcome(Deferred.fromCoroutine(journal.state_changes(after=1, limit=5))) == []


def test_a_listener_hears_of_news_until_it_stops(parts: Parts, journal: Journal) -> None:
    heard: list[int] = []
    stop = journal.on_change(lambda: heard.append(1))
    parts.news.tell()
    stop()
    stop()
    parts.news.tell()
    assert heard == [1]

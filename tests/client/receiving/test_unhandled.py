"""Messages that wait for a callback, in the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from client.api import ReceivedMessage, Verified
from client.receiving.unhandled import StoredMessages
from client.store import incoming
from client.store.incoming import Arrival
from tests.worlds.clients.parts import Parts, outcome


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    yield made
    made.close()


def arrive(parts: Parts, number: int, kind: str) -> None:
    arrival = Arrival(
        author=b"",
        message_id=f"{number:032x}",
        sender=None,
        verified=Verified.UNKNOWN,
        kind=kind,
        body=b"hello",
        received_at_s=parts.now_s,
    )
    parts.store.write(lambda c: incoming.insert_arrival(c, arrival))


def test_messages_of_a_kind_wait_until_they_are_handled(parts: Parts) -> None:
    messages, heard = StoredMessages(parts.access, parts.news), []
    parts.news.listen(lambda: heard.append(1))

    def first(after: int = 0) -> int | None:
        found = outcome(Deferred.fromCoroutine(messages.first_unhandled("text", after=after)))
        return found.number if isinstance(found, ReceivedMessage) else None

    for number, kind in enumerate(("other", "text", "text"), 1):
        arrive(parts, number, kind)
    assert (first(), first(2), first(3)) == (2, 3, None)
    outcome(Deferred.fromCoroutine(messages.mark_handled(2)))
    assert (first(), heard) == (3, [1])
    assert outcome(Deferred.fromCoroutine(messages.unhandled(2))) is None
    again = outcome(Deferred.fromCoroutine(messages.unhandled(3)))
    assert isinstance(again, ReceivedMessage)
    assert again.body == b"hello"

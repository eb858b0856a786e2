"""Handling messages in another process, without the process: what the daemon is told of each."""

from __future__ import annotations

from typing import TypeVar, cast

import msgspec
import pytest
from twisted.internet.defer import Deferred

from client.api import ReceivedMessage, UnknownMessageError, Verified
from client.feeds.failures import CallbackFailures
from client.feeds.listener import Listener
from client.http.calling.call import Call
from client.http.calling.reader import RemoteReader
from client.http.messages import MESSAGE, SUBSCRIBED, Received, Subscribed
from client.http.sse import SseEvent

T = TypeVar("T")
LONG = Received(
    number=3,
    message_id="ab" * 16,
    sender=None,
    verified=Verified.UNKNOWN,
    kind="text",
    length_bytes=100_000,
    received_at_s=0.0,
    reply_to="",
    body=None,
)


class Daemon:
    """Notes the calls, and refuses those at the paths that a test names."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.errors: dict[str, Exception] = {}

    async def ask(self, made: Call[T]) -> T:
        self.paths.append(made.path)
        if made.path in self.errors:
            raise self.errors[made.path]
        return cast(T, b"long")


class Bench:
    def __init__(self) -> None:
        self.daemon = Daemon()
        self.told: list[ReceivedMessage] = []
        listener: Listener[ReceivedMessage] = Listener("on_received", self.told.append, failures=CallbackFailures())
        self.reader = RemoteReader(self.daemon, listener)
        self.take(SUBSCRIBED, Subscribed("s"))

    def take(self, event: str, value: msgspec.Struct) -> None:
        results: list[object] = []
        taking = Deferred.fromCoroutine(self.reader.take(SseEvent(event, msgspec.json.encode(value))))
        taking.addBoth(results.append)
        assert results == [True]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_long_body_is_fetched_and_the_message_settled(bench: Bench) -> None:
    bench.take(MESSAGE, LONG)
    assert [message.body for message in bench.told] == [b"long"]
    assert bench.daemon.paths == ["/v1/inbox/3/body", "/v1/received/s/3/handled"]


def test_one_that_was_deleted_meanwhile_is_given_back_so_that_it_holds_up_nothing(bench: Bench) -> None:
    bench.daemon.errors["/v1/inbox/3/body"] = UnknownMessageError("there is no received message 3")
    bench.take(MESSAGE, LONG)
    assert bench.told == []
    assert bench.daemon.paths == ["/v1/inbox/3/body", "/v1/received/s/3/failed"]


def test_what_was_settled_is_not_handled_again_if_it_was_given_twice(bench: Bench) -> None:
    for _ in range(2):
        bench.take(MESSAGE, LONG)
    assert len(bench.told) == 1
    assert bench.daemon.paths.count("/v1/received/s/3/handled") == 1

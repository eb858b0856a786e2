"""Answers told to a callback, one after the other, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import PostedRequest, RequestState
from client.asking.answers import BATCH, AnswerFeed
from client.core.journal import Cursor
from client.feeds.failures import CallbackFailures

REQUEST = PostedRequest(
    request_id="",
    service="echo",
    length_bytes=1,
    state=RequestState.ANSWERED,
    created_at_s=0.0,
    leaves_at_s=0.0,
    deadline_s=1.0,
)


class Ends:
    """Requests that end when the test says so."""

    def __init__(self) -> None:
        self.ended: list[PostedRequest] = []
        self.listeners: list[Callable[[], None]] = []

    def end(self, *names: str) -> None:
        for name in names:
            self.ended.append(msgspec.structs.replace(REQUEST, request_id=name, ended=len(self.ended) + 1))
        for listener in tuple(self.listeners):
            listener()

    async def ended_requests(self, *, after: int, limit: int) -> list[PostedRequest]:
        return [request for request in self.ended if request.ended > after][:limit]

    async def newest(self) -> Cursor:
        return Cursor(ended=len(self.ended))

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)


class Told:
    """A callback that fails as often as it is told, or waits."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.failures = 0
        self.pending: Deferred[None] | None = None

    def __call__(self, request: PostedRequest) -> Deferred[None] | None:
        self.names.append(request.request_id)
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        return self.pending


def feed_of(ends: Ends, told: Told, clock: Clock, *, after: int = 0) -> AnswerFeed:
    feed = AnswerFeed(ends, told, clock=clock, after=after, failures=CallbackFailures())
    feed.start()
    clock.advance(0)
    return feed


def test_what_has_ended_and_what_ends_is_told_in_order() -> None:
    ends, told, clock = Ends(), Told(), Clock()
    ends.end("a", "b")
    feed = feed_of(ends, told, clock, after=1)
    ends.end("c")
    ends.end()
    assert told.names == ["b", "c"]
    feed.stop()
    ends.end("d")
    assert told.names == ["b", "c"]
    assert (ends.listeners, clock.getDelayedCalls()) == ([], [])


def test_what_lies_ahead_is_refused_and_leaves_nothing_behind() -> None:
    ends, told, clock, failures = Ends(), Told(), Clock(), CallbackFailures()
    ends.end("a")
    feed = AnswerFeed(ends, told, clock=clock, after=2, failures=failures)
    feed.start()
    clock.advance(0)
    ends.end("b", "c")
    assert (told.names, ends.listeners, clock.getDelayedCalls()) == ([], [], [])
    [failure] = failures.newest
    assert failure.ended
    assert str(failure.error) == "no request has ended with the number 2 yet: the newest is 1"


def test_more_than_a_batch_is_told() -> None:
    ends, told, clock = Ends(), Told(), Clock()
    names = [str(number) for number in range(BATCH + 3)]
    ends.end(*names)
    feed_of(ends, told, clock).stop()
    assert told.names == names


def test_one_that_fails_is_offered_again_before_later_ones() -> None:
    ends, told, clock = Ends(), Told(), Clock()
    told.failures = 2
    ends.end("a", "b")
    feed = feed_of(ends, told, clock)
    assert told.names == ["a"]
    clock.advance(1.0)
    assert told.names == ["a", "a"]
    clock.advance(1.9)
    assert told.names == ["a", "a"]
    clock.advance(0.1)
    assert told.names == ["a", "a", "a", "b"]
    feed.stop()
    assert clock.getDelayedCalls() == []


def test_a_callback_that_takes_its_time_is_waited_for_and_not_interrupted() -> None:
    ends, told, clock = Ends(), Told(), Clock()
    told.pending = pending = Deferred()
    feed = feed_of(ends, told, clock)
    ends.end("a", "b")
    assert told.names == ["a"]
    feed.stop()
    assert not pending.called
    pending.callback(None)
    assert told.names == ["a"]
    assert (ends.listeners, clock.getDelayedCalls()) == ([], [])


def test_stopping_in_the_pause_after_a_failure_leaves_no_call() -> None:
    ends, told, clock = Ends(), Told(), Clock()
    told.failures = 1
    ends.end("a")
    feed_of(ends, told, clock).stop()
    assert clock.getDelayedCalls() == []

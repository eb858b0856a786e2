"""Following a stream through breaks, refusals, and takers that fail."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from client.api import BadRequestError, NotRunningError, TooManyReadersError
from client.feeds.followed import Followed
from client.http.calling.call import Query
from client.http.calling.follower import Follower
from client.http.sse import SseEvent
from loopixmix.errors import StoreError


class Daemon:
    """Has numbered events, and opens streams of them unless it has an error for that."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.events = [SseEvent("e", b"", str(number)) for number in (1, 2)]
        self.errors: list[Exception] = []
        self.opened: list[tuple[str, str]] = []

    async def stream(self, path: str, *, query: Query, last_event_id: str) -> Stream:
        if self.errors:
            raise self.errors.pop(0)
        self.opened.append((query.get("after", ""), last_event_id))
        return Stream([event for event in self.events if int(event.id) > int(last_event_id or 0)])

    async def pause(self, seconds: float) -> None:
        await deferLater(self.clock, seconds, lambda: None)  # type: ignore[arg-type]


class Stream:
    """The events of one stream, which stays open."""

    def __init__(self, events: list[SseEvent]) -> None:
        self.events = events

    async def next(self) -> SseEvent | None:
        if not self.events:
            await Deferred()
        return self.events.pop(0)

    async def close(self) -> None:
        """End."""


class Taker:
    """Takes events; its first words are what a test has put there."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.words: list[bool | Exception] = []

    async def take(self, event: SseEvent) -> bool:
        self.taken.append(event.id)
        word = self.words.pop(0) if self.words else True
        if isinstance(word, Exception):
            raise word
        return word


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
def follower(daemon: Daemon, taker: Taker) -> Iterator[Follower]:
    made = Follower(daemon, taker.take, path="/v1/e", query={"after": "0"}, rng=random.Random(1))
    yield made
    made.stopped = True


def run(follower: Follower, daemon: Daemon, *, seconds: int = 20) -> Deferred[None]:
    running = Deferred.fromCoroutine(follower.run())
    running.addErrback(lambda failure: failure.trap(CancelledError) and None)
    daemon.clock.pump([0.5] * (2 * seconds))
    return running


def test_an_event_that_was_not_handled_is_offered_again_ever_later_and_before_others(
    follower: Follower, daemon: Daemon, taker: Taker
) -> None:
    taker.words = [False, False]
    running = run(follower, daemon, seconds=2)
    assert taker.taken == ["1", "1"]
    daemon.clock.advance(1)
    assert taker.taken == ["1", "1", "1", "2"]
    assert len(daemon.opened) == 1
    running.cancel()


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), CancelledError(), BadRequestError("settled"), NotRunningError("x")]
)
def test_a_taker_that_fails_is_given_the_event_again(
    follower: Follower, daemon: Daemon, taker: Taker, error: Exception
) -> None:
    taker.words = [True, error]
    run(follower, daemon)
    assert taker.taken == ["1", "2", "2"]
    assert daemon.opened == [("0", ""), ("0", "1")]


def test_a_refusal_ends_it_and_is_told_to_who_waits(follower: Follower, daemon: Daemon, taker: Taker) -> None:
    daemon.errors = [NotRunningError("it starts"), BadRequestError("there was no event 0 yet")]
    follower.beginning = Followed(lambda: None)
    refused: list[object] = []

    async def wait() -> None:
        try:
            await follower.beginning
        except BadRequestError as error:
            refused.append(str(error))

    Deferred.fromCoroutine(wait())
    running = run(follower, daemon)
    assert running.called
    assert (refused, taker.taken) == (["there was no event 0 yet"], [])


def test_a_refusal_after_a_break_is_told(daemon: Daemon) -> None:
    refused: list[BadRequestError] = []
    error = BadRequestError("there was no event 1 yet")

    async def take(event: SseEvent) -> bool:
        daemon.errors.append(error)
        raise NotRunningError("it broke")

    follower = Follower(daemon, take, path="/v1/e", query={}, rng=random.Random(1), refused=refused.append)
    assert run(follower, daemon).called
    assert refused == [error]


def test_what_hinders_it_for_long_is_logged_once_unless_the_daemon_does_not_run(
    follower: Follower, daemon: Daemon, taker: Taker
) -> None:
    full, gone = TooManyReadersError("there are 64 named readers already"), NotRunningError("it starts")
    daemon.errors = [gone, full, gone, full, full]
    taker.words = [True, full, full, gone, True]
    logged: list[LogEvent] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        run(follower, daemon, seconds=120)
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert taker.taken == ["1", "2", "2", "2", "2"]
    told = [event for event in logged if event["log_level"] >= LogLevel.warn]
    assert [(event["path"], event["error"]) for event in told] == [("/v1/e", full), ("/v1/e", full)]


class Opening(Daemon):
    """Begins each stream with an event that has no id, as `GET /v1/received` does."""

    async def stream(self, path: str, *, query: Query, last_event_id: str) -> Stream:
        self.opened.append(("", last_event_id))
        return Stream([SseEvent("subscribed", b""), *self.events])


def test_a_stream_that_only_opens_is_no_reason_to_come_back_sooner(taker: Taker) -> None:
    daemon, full = Opening(), StoreError("the disk is full")
    follower = Follower(daemon, taker.take, path="/v1/e", query={}, rng=random.Random(1))
    taker.words = [word for _ in range(200) for word in (True, full)]
    run(follower, daemon, seconds=60).cancel()
    assert 5 < len(daemon.opened) < 30


def test_the_place_to_begin_is_asked_for_once_it_can_be(daemon: Daemon, taker: Taker) -> None:
    answers: list[Query | Exception] = [NotRunningError("it starts"), {"after": "7"}]

    async def where() -> Query:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    follower = Follower(daemon, taker.take, path="/v1/e", query=where, rng=random.Random(1))
    taker.words = [NotRunningError("it broke")]
    run(follower, daemon)
    assert daemon.opened == [("7", ""), ("7", "")]
    assert (answers, taker.taken) == ([], ["1", "1", "2"])

"""Looking for news and telling them, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from client.api import BadRequestError, Following
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feed, Feeds
from client.feeds.listener import Listener
from loopixmix.errors import StoreError


class Looker:
    """Looks, and tells what a test has put there."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.news: list[str] = []
        self.told: list[str] = []
        self.looks: list[float] = []
        self.wait_s: float | None = None
        self.errors: list[Exception] = []
        self.pending: Deferred[None] | None = None
        self.listener: Listener[str] = Listener("on_news", self.hear, failures=CallbackFailures())
        self.feed = Feed(self.look, listener=self.listener, clock=self.clock)

    def hear(self, news: str) -> Deferred[None] | None:
        self.told.append(news)
        return self.pending

    async def look(self) -> float | None:
        self.looks.append(self.clock.seconds())
        if self.errors:
            raise self.errors.pop(0)
        if not self.news:
            return self.wait_s
        await self.listener.tell(self.news.pop(0))
        return 0.0


@pytest.fixture
def looker() -> Looker:
    made = Looker()
    made.feed.start()
    return made


def test_the_caller_knows_how_to_stop_it_before_it_begins(looker: Looker) -> None:
    looker.news.append("a")
    assert looker.looks == []
    looker.feed.stop()
    looker.clock.advance(1)
    assert (looker.told, looker.clock.getDelayedCalls()) == ([], [])


def test_all_that_is_there_is_told_and_what_comes_when_it_is_woken(looker: Looker) -> None:
    looker.news += "ab"
    looker.clock.advance(0)
    assert looker.told == ["a", "b"]
    looker.news.append("c")
    looker.clock.advance(1000)
    assert looker.told == ["a", "b"]
    looker.feed.wake()
    assert looker.told == ["a", "b", "c"]


def test_it_looks_again_after_the_time_that_it_was_told(looker: Looker) -> None:
    looker.wait_s = 5.0
    looker.clock.advance(0)
    looker.clock.advance(4.9)
    assert looker.looks == [0.0]
    looker.clock.advance(0.1)
    assert looker.looks == [0.0, 5.0]
    looker.feed.stop()
    assert looker.clock.getDelayedCalls() == []


def test_news_that_come_while_it_tells_are_not_missed(looker: Looker) -> None:
    looker.pending = pending = Deferred()
    looker.news.append("a")
    looker.clock.advance(0)
    looker.news.append("b")
    looker.feed.wake()
    assert looker.told == ["a"]
    looker.pending = None
    pending.callback(None)
    assert looker.told == ["a", "b"]


def test_a_callback_that_runs_is_not_interrupted(looker: Looker) -> None:
    looker.pending = pending = Deferred()
    looker.news += "ab"
    looker.clock.advance(0)
    looker.feed.stop()
    looker.feed.stop()
    assert not pending.called
    pending.callback(None)
    assert looker.told == ["a"]


@pytest.mark.parametrize("error", [StoreError("the disk is full"), ZeroDivisionError()])
def test_what_cannot_be_looked_for_is_looked_for_again_ever_later(looker: Looker, error: Exception) -> None:
    looker.errors = [error, error, error]
    looker.news.append("a")
    looker.clock.advance(0)
    for _ in range(40):
        looker.clock.advance(0.25)
    assert looker.looks[:4] == [0.0, 1.0, 3.0, 7.0]
    assert looker.told == ["a"]


class Entering(Looker):
    """Looks once a test lets it in; hears news as long as it is followed."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = 0
        self.refusals: list[Exception] = []
        self.failures = CallbackFailures(lambda failure: None)
        self.listeners: list[Callable[[], None]] = []
        listener: Listener[str] = Listener("on_news", self.hear, failures=self.failures)
        self.feed = Feed(self.look, listener=listener, clock=self.clock, enter=self.enter, listen=self.listen)
        self.following = self.feed.follow(self.feed.stop)
        self.waiting: list[object] = []
        Deferred.fromCoroutine(self.wait()).addBoth(self.waiting.append)

    async def enter(self) -> None:
        self.entered += 1
        if self.refusals:
            raise self.refusals.pop(0)

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(wake)
        return lambda: self.listeners.remove(wake)

    async def wait(self) -> Following:
        return await self.following


def test_it_begins_when_it_may() -> None:
    looker = Entering()
    looker.refusals = [StoreError("the disk is full")]
    looker.feed.start()
    looker.clock.advance(0)
    assert (looker.looks, looker.waiting) == ([], [])
    looker.clock.advance(1)
    assert (looker.looks, looker.waiting) == ([1.0], [looker.following])
    [wake] = looker.listeners
    wake()
    assert (looker.looks, looker.entered) == ([1.0, 1.0], 2)
    looker.feed.stop()
    looker.feed.stop()
    assert (looker.listeners, looker.clock.getDelayedCalls()) == ([], [])


def test_what_is_refused_is_not_asked_for_again() -> None:
    looker = Entering()
    looker.refusals = [BadRequestError("there was no news 7 yet")]
    looker.feed.start()
    looker.clock.pump([0, 1000])
    [refused] = looker.waiting
    assert isinstance(refused, Failure)
    assert refused.check(BadRequestError)
    assert [failure.ended for failure in looker.failures.newest] == [True]
    assert (looker.looks, looker.listeners, looker.clock.getDelayedCalls()) == ([], [], [])
    looker.feed.stop()


def test_nobody_waits_for_a_feed_that_begins_too_late() -> None:
    looker, feeds = Entering(), Feeds[Feed]()
    feeds.stop()
    feeds.begin(looker.feed)
    assert looker.waiting == [looker.following]
    late = looker.feed.follow(looker.feed.stop)
    results: list[object] = []
    Deferred.fromCoroutine(awaited(late)).addBoth(results.append)
    assert results == [late]


async def awaited(following: Following) -> Following:
    return await following


def test_feeds_end_together_and_none_begins_after_that() -> None:
    first, second, late = Looker(), Looker(), Looker()
    feeds: Feeds[Feed] = Feeds()
    stop = feeds.begin(first.feed)
    feeds.begin(second.feed)
    assert list(feeds) == [first.feed, second.feed]
    stop()
    stop()
    assert list(feeds) == [second.feed]
    feeds.stop()
    feeds.begin(late.feed)()
    for looker in (first, second, late):
        looker.clock.advance(0)
        assert looker.looks == []

"""A callback that follows outgoing messages: one event at a time, and counts no more often than they may."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import MessageProgress, MessageState, NumberedChange, ProgressCallback
from client.core.journal import Cursor, News
from client.feeds.failures import CallbackFailures
from client.sending.feed import BATCH, COUNTS_INTERVAL_S, ProgressFeed


class History:
    """What a test says that happened."""

    def __init__(self) -> None:
        self.steps: list[NumberedChange] = []
        self.counts: list[MessageProgress] = []
        self.news = News()
        self.asked = 0

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        return self.steps[after:][:limit]

    async def newest(self) -> Cursor:
        return Cursor(0, len(self.steps))

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        self.asked += 1
        return self.counts[mark:][:limit], min(len(self.counts), mark + limit)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self.news.listen(callback)

    def step(self) -> None:
        number = len(self.steps) + 1
        self.steps.append(
            NumberedChange(number=number, message_id="m", to="", kind="", at_s=0.0, state=MessageState.SENDING)
        )

    def count(self) -> None:
        sent = len(self.counts) + 1
        self.counts.append(
            MessageProgress(
                number=0, message_id="m", at_s=0.0, fragments=9, fragments_sent=sent, fragments_acknowledged=0
            )
        )


def feed_of(history: History, callback: ProgressCallback, clock: Clock, *, after: int | None = 0) -> ProgressFeed:
    feed = ProgressFeed(history, callback, clock=clock, after=after, failures=CallbackFailures())
    feed.start()
    clock.advance(0)
    return feed


def numbers(told: list[NumberedChange | MessageProgress]) -> list[int]:
    return [event.number for event in told if isinstance(event, NumberedChange)]


def test_what_was_and_what_comes_is_told_in_order() -> None:
    history, clock, told = History(), Clock(), []
    for _ in range(2 * BATCH + 5):
        history.step()
    feed = feed_of(history, told.append, clock, after=3)  # type: ignore[arg-type]
    history.step()
    history.news.tell()
    feed.stop()
    assert numbers(told) == [*range(4, 2 * BATCH + 7)]
    history.step()
    history.news.tell()
    assert len(told) == 2 * BATCH + 3


def test_a_slow_callback_is_waited_for() -> None:
    history, clock, waiting = History(), Clock(), []

    def slow(event: NumberedChange | MessageProgress) -> Deferred[None]:
        waiting.append(Deferred())  # type: ignore[var-annotated]
        return waiting[-1]

    history.step()
    history.step()
    feed = feed_of(history, slow, clock)
    assert len(waiting) == 1
    waiting[0].callback(None)
    assert len(waiting) == 2
    feed.stop()
    waiting[1].callback(None)
    history.step()
    history.news.tell()
    assert len(waiting) == 2


def test_counts_are_told_no_more_often_than_they_may_and_hold_up_no_step() -> None:
    history, clock, told = History(), Clock(), []
    feed = feed_of(history, told.append, clock)  # type: ignore[arg-type]
    for _ in range(20):
        history.count()
        history.news.tell()
        clock.advance(COUNTS_INTERVAL_S / 10)
    assert history.asked <= 5
    history.step()
    history.news.tell()
    assert numbers(told) == [1]
    clock.advance(COUNTS_INTERVAL_S)
    counts = [event for event in told if isinstance(event, MessageProgress)]
    assert [count.fragments_sent for count in counts] == [*range(1, 21)]
    assert counts[-1].number in (0, 1)
    feed.stop()
    assert clock.getDelayedCalls() == []

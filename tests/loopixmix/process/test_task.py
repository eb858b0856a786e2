"""Work in the background goes on until it is stopped: an error is told, and it is begun again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.errors import StoreError
from loopixmix.process.pause import Pause
from loopixmix.process.task import LONGEST_AGAIN_S, SETTLED_S, Guarded, Recurring, Task


class Logged:
    """The events of the log, and which of them had a traceback."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tracebacks = 0

    def __call__(self, event: LogEvent) -> None:
        self.lines.append(formatEvent(event))
        self.tracebacks += "log_failure" in event


@pytest.fixture
def logged() -> Iterator[Logged]:
    kept = Logged()
    globalLogPublisher.addObserver(kept)
    yield kept
    globalLogPublisher.removeObserver(kept)


class Ticker:
    """Counts the seconds; while something is wrong, each tick raises it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ticks = 0
        self.begun = 0
        self.ended = False
        self.wrong: Exception | None = None
        self.awaited: Deferred[None] | None = None
        self._pause = Pause(self.clock)

    def task(self) -> Task:
        return Task("ticking", clock=self.clock, rng=random.Random(1))

    async def run(self) -> None:
        self.begun += 1
        try:
            while True:
                await self._pause.wait(1.0)
                if self.awaited is not None:
                    await self.awaited
                self.tick()
        finally:
            self.ended = True

    def tick(self) -> float:
        if self.wrong is not None:
            raise self.wrong
        self.ticks += 1
        return 1.0

    def pass_s(self, seconds: float) -> None:
        self.clock.pump([0.5] * round(2 * seconds))


def test_it_runs_until_it_is_stopped(logged: Logged) -> None:
    ticker = Ticker()
    task = ticker.task()
    assert task.stop().called  # there is nothing to stop yet
    task.start(ticker.run)
    ticker.clock.pump([1.0] * 3)
    assert (ticker.ticks, ticker.ended) == (3, False)
    assert task.stop().called
    assert ticker.ended
    assert ticker.clock.getDelayedCalls() == []
    assert task.stop().called
    assert (task.problem, logged.lines) == (None, [])


@pytest.mark.parametrize("wrong", [ValueError("no such tick"), StoreError("the disk is full")])
def test_after_an_error_it_is_begun_again(wrong: Exception, logged: Logged) -> None:
    ticker = Ticker()
    task = ticker.task()
    task.start(ticker.run)
    ticker.wrong = wrong
    ticker.pass_s(60)
    assert task.problem == f"ticking failed, and is tried again: {wrong}"
    assert ticker.begun > 3
    assert ticker.ticks == 0
    ticker.wrong = None
    ticker.pass_s(LONGEST_AGAIN_S + SETTLED_S + 1)
    assert ticker.ticks > 15
    assert task.problem is None
    # A line when it begins, one when it is over; the traceback only if its place is what one has to know.
    assert logged.tracebacks == isinstance(wrong, ValueError)
    assert len(logged.lines) == 2
    assert task.stop().called
    assert ticker.clock.getDelayedCalls() == []


def test_work_that_fails_now_and_again_logs_its_traceback_once(logged: Logged) -> None:
    ticker = Ticker()
    task = ticker.task()
    task.start(ticker.run)
    for _ in range(5):
        ticker.wrong = ValueError("no such tick")
        ticker.pass_s(2)
        ticker.wrong = None
        ticker.pass_s(LONGEST_AGAIN_S + SETTLED_S + 1)
    assert logged.tracebacks == 1
    assert len(logged.lines) == 10
    task.stop()


def test_what_it_waits_for_may_be_cancelled_by_somebody_else(logged: Logged) -> None:
    ticker = Ticker()
    task = ticker.task()
    task.start(ticker.run)
    ticker.awaited = awaited = Deferred()
    ticker.pass_s(1)
    awaited.cancel()
    ticker.awaited = None
    assert task.problem is not None
    ticker.pass_s(LONGEST_AGAIN_S + SETTLED_S + 1)
    assert (ticker.begun, task.problem) == (2, None)
    task.stop()


def test_it_can_be_stopped_while_it_waits_to_be_begun_again() -> None:
    ticker = Ticker()
    task = ticker.task()
    ticker.wrong = ValueError("no such tick")
    task.start(ticker.run)
    ticker.pass_s(1)
    assert task.stop().called
    assert ticker.clock.getDelayedCalls() == []
    ticker.pass_s(60)
    assert ticker.begun == 1


def test_work_that_returns_is_done() -> None:
    async def once() -> None:
        told.append("done")

    told: list[str] = []
    task = Ticker().task()
    task.start(once)
    assert (told, task.problem) == (["done"], None)
    assert task.stop().called


def test_stopping_waits_for_what_breaks_off_slowly() -> None:
    last: Deferred[None] = Deferred()

    async def slow() -> None:
        try:
            await Deferred()
        finally:
            await last

    task = Ticker().task()
    task.start(slow)
    stopped: list[None] = []
    task.stop().addCallback(stopped.append)
    assert stopped == []
    last.callback(None)
    assert stopped == [None]


def test_a_function_is_called_again_whatever_it_raises(logged: Logged) -> None:
    ticker = Ticker()
    repeated = Recurring("ticking", ticker.tick, clock=ticker.clock, again_s=5.0)
    assert not repeated.running
    repeated.start()
    ticker.pass_s(3)
    assert ticker.ticks == 4
    ticker.wrong = ValueError("no such tick")
    ticker.pass_s(60)
    assert repeated.problem == "ticking failed, and is tried again: no such tick"
    ticker.wrong = None
    ticker.pass_s(6)
    assert (ticker.ticks > 4, repeated.problem) == (True, None)
    assert (logged.tracebacks, len(logged.lines)) == (1, 2)
    repeated.stop()
    assert ticker.clock.getDelayedCalls() == []


def test_a_function_can_be_hurried_and_begin_later() -> None:
    ticker = Ticker()
    repeated = Recurring("ticking", ticker.tick, clock=ticker.clock, again_s=5.0)
    repeated.hurry()  # nothing yet: it was not started
    repeated.start(after_s=10.0)
    ticker.pass_s(5)
    assert ticker.ticks == 0
    repeated.hurry()
    assert ticker.ticks == 1
    ticker.pass_s(1)
    assert ticker.ticks == 2
    assert len(ticker.clock.getDelayedCalls()) == 1
    repeated.stop()


def test_work_for_somebody_who_must_go_on_never_raises(logged: Logged) -> None:
    ticker = Ticker()
    guarded = Guarded("ticking", ticker.tick)
    ticker.wrong = ValueError("no such tick")
    for _ in range(3):
        guarded()
    assert guarded.problem == "ticking failed, and is tried again: no such tick"
    assert logged.tracebacks == 1
    ticker.wrong = None
    guarded()
    assert (guarded.problem, ticker.ticks) == (None, 1)

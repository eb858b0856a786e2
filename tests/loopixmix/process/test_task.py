"""Work in the background: stopped, or ended by a defect that is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.errors import LoopixmixError
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task


@pytest.fixture
def logged() -> Iterator[list[str]]:
    kept: list[str] = []

    def keep(event: LogEvent) -> None:
        kept.append(formatEvent(event))

    globalLogPublisher.addObserver(keep)
    yield kept
    globalLogPublisher.removeObserver(keep)


class Ticker:
    """Counts the seconds."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ticks = 0
        self.ended = False
        self._pause = Pause(self.clock)

    async def run(self) -> None:
        try:
            while True:
                await self._pause.wait(1.0)
                self.ticks += 1
        finally:
            self.ended = True


def test_it_runs_until_it_is_stopped(logged: list[str]) -> None:
    ticker, task = Ticker(), Task("ticking")
    assert task.stop().called  # there is nothing to stop yet
    task.start(ticker.run())
    ticker.clock.pump([1.0] * 3)
    assert (ticker.ticks, ticker.ended) == (3, False)
    assert task.stop().called
    assert ticker.ended
    assert ticker.clock.getDelayedCalls() == []
    assert task.stop().called
    assert (task.problem, logged) == (None, [])


def test_a_defect_is_logged_and_told(logged: list[str]) -> None:
    async def fail() -> None:
        raise ValueError("no such tick")

    told: list[LoopixmixError] = []
    task = Task("ticking", fail=told.append)
    task.start(fail())
    assert task.problem == "ticking stopped: no such tick"
    assert [str(error) for error in told] == ["a defect ended the program: ticking stopped: no such tick"]
    assert logged == ["ticking stopped"]
    assert task.stop().called


def test_stopping_waits_for_what_breaks_off_slowly() -> None:
    last: Deferred[None] = Deferred()

    async def slow() -> None:
        try:
            await Deferred()
        finally:
            await last

    task = Task("ticking")
    task.start(slow())
    stopped: list[None] = []
    task.stop().addCallback(stopped.append)
    assert stopped == []
    last.callback(None)
    assert stopped == [None]

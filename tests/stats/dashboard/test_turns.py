"""Pages take turns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from twisted.internet.defer import Deferred

from loopixmix.errors import UnavailableError
from stats.dashboard.turns import WaitingTurns

T = TypeVar("T")


class Slow:
    """A thread whose work ends when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        done: Deferred[T] = Deferred()
        self.waiting.append(lambda: done.callback(work()))
        return done


def test_only_so_much_waits_and_each_end_makes_room() -> None:
    slow = Slow()
    turns = WaitingTurns(slow, most=2)
    answers: list[int] = []
    for number in range(2):
        Deferred.fromCoroutine(turns.do(lambda number=number: number)).addCallback(answers.append)
    refused = Deferred.fromCoroutine(turns.do(lambda: 9))
    failures: list[BaseException] = []
    refused.addErrback(lambda failure: failures.append(failure.value))
    assert isinstance(failures[0], UnavailableError)
    slow.waiting[0]()
    Deferred.fromCoroutine(turns.do(lambda: 2)).addCallback(answers.append)
    for work in slow.waiting[1:]:
        work()
    assert answers == [0, 1, 2]


def test_work_that_fails_makes_room_too() -> None:
    def broken(work: Callable[[], T]) -> Awaitable[T]:
        raise RuntimeError("broken")

    turns = WaitingTurns(broken, most=1)
    for _ in range(3):
        failures: list[BaseException] = []
        Deferred.fromCoroutine(turns.do(lambda: 1)).addErrback(lambda failure, to=failures: to.append(failure.value))
        assert isinstance(failures[0], RuntimeError), pytest.fail("it was refused")


def test_only_some_threads_are_used_at_one_time_and_a_caller_who_goes_away_frees_none() -> None:
    slow = Slow()
    turns = WaitingTurns(slow, most=9, side_by_side=2)
    asked = [Deferred.fromCoroutine(turns.do(lambda: 1)) for _ in range(4)]
    for each in asked:
        each.addErrback(lambda _: None)
    assert len(slow.waiting) == 2
    asked[0].cancel()
    # Its thread goes on, so that nobody takes its place yet.
    assert len(slow.waiting) == 2
    slow.waiting[0]()
    assert len(slow.waiting) == 3
    for work in slow.waiting[1:]:
        work()
    slow.waiting[3]()
    assert asked[3].called

"""A place to wait."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from loopixmix.process.pause import Pause


def test_a_wait_ends_by_time() -> None:
    clock = Clock()
    waited = Deferred.fromCoroutine(Pause(clock).wait(2.0))
    clock.advance(1.9)
    assert not waited.called
    clock.advance(0.1)
    assert waited.called
    assert clock.getDelayedCalls() == []


def test_a_wait_can_be_woken_and_leaves_no_call() -> None:
    clock = Clock()
    pause = Pause(clock)
    pause.wake()  # there is none yet
    waited = Deferred.fromCoroutine(pause.wait(2.0))
    pause.wake()
    pause.wake()
    assert waited.called
    assert clock.getDelayedCalls() == []


def test_a_wait_that_is_over_already_is_still_a_turn_of_the_reactor() -> None:
    clock = Clock()
    waited = Deferred.fromCoroutine(Pause(clock).wait(-5.0))
    assert not waited.called
    clock.advance(0)
    assert waited.called


def test_a_cancelled_wait_leaves_no_call() -> None:
    clock = Clock()
    waited = Deferred.fromCoroutine(Pause(clock).wait(2.0))
    results: list[object] = []
    waited.addErrback(results.append)
    waited.cancel()
    [failure] = results
    assert isinstance(failure, Failure)
    with pytest.raises(CancelledError):
        failure.raiseException()
    assert clock.getDelayedCalls() == []

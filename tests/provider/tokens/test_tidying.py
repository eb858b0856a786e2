from __future__ import annotations

import threading

from twisted.internet.task import Clock

from loopixmix.errors import StoreError
from provider.tokens.tidying import Tidying


def test_work_is_done_from_time_to_time_in_another_thread() -> None:
    clock, done = Clock(), []
    tidying = Tidying(lambda now_s: done.append((now_s, threading.current_thread().name)), clock=clock, every_s=10.0)
    assert done == []
    clock.advance(10)
    clock.advance(10)
    tidying.stop()
    assert done == [(10.0, "tokens"), (20.0, "tokens")]
    assert clock.getDelayedCalls() == []


def test_work_that_fails_is_done_again() -> None:
    clock, done = Clock(), []

    def work(now_s: float) -> None:
        done.append(now_s)
        raise StoreError("the disk is full")

    tidying = Tidying(work, clock=clock, every_s=10.0)
    clock.advance(10)
    clock.advance(10)
    tidying.stop()
    assert done == [10.0, 20.0]

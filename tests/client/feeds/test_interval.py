"""Not more often than so."""

from __future__ import annotations

from twisted.internet.task import Clock

from client.feeds.interval import Interval


def test_between_two_the_time_passes() -> None:
    clock = Clock()
    interval = Interval(clock, 2.0)
    assert interval.wait_s() is None
    interval.begin()
    clock.advance(0.5)
    assert interval.wait_s() == 1.5
    clock.advance(1.5)
    assert interval.wait_s() is None


def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    clock = Clock()
    clock.advance(1000)
    interval = Interval(clock, 2.0)
    interval.begin()
    clock.rightNow = 10.0
    assert interval.wait_s() is None

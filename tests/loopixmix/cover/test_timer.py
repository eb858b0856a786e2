"""A Poisson timer keeps its rate and its distribution, whatever the work costs and the clock does."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from twisted.internet.task import Clock

from loopixmix.cover.poisson import PoissonStream
from loopixmix.cover.timer import LATEST_S, PoissonTimer

RATE_PER_S = 5.0


class Beats:
    """Notes when it was called; each call costs `work_s` of the clock."""

    def __init__(self, clock: Clock, work_s: float = 0.0) -> None:
        self.clock = clock
        self.work_s = work_s
        self.at_s: list[float] = []

    def beat(self) -> None:
        self.at_s.append(self.clock.seconds())
        self.clock.rightNow += self.work_s


def run(clock: Clock, until_s: float) -> None:
    """Advance to each call in turn, as a reactor does: never a call before its time, late ones at once."""
    while (calls := clock.getDelayedCalls()) and calls[0].getTime() < until_s:
        clock.advance(max(0.0, calls[0].getTime() - clock.seconds()))


def make_timer(clock: Clock, on_due: Callable[[], object]) -> PoissonTimer:
    return PoissonTimer(PoissonStream(RATE_PER_S, random.Random(3)), clock=clock, on_due=on_due)


@pytest.mark.parametrize("work_s", [0.0, 0.05])
def test_events_come_at_the_rate_whatever_the_work_costs(work_s: float) -> None:
    """H0: Poisson(5 x 2,000 s) events, sd 100; bound 4 sd (6e-5). Work of 50 ms would slow a naive timer to 4/s."""
    clock = Clock()
    beats = Beats(clock, work_s)
    make_timer(clock, beats.beat).start()
    run(clock, 2000.0)
    assert abs(len(beats.at_s) - 10_000) < 400


def test_intervals_are_exponential_on_the_clock() -> None:
    """H0: Exp(mean 0.2 s). Kolmogorov-Smirnov, n about 10,000, false-alarm rate 1e-3; seeded."""
    clock = Clock()
    beats = Beats(clock)
    make_timer(clock, beats.beat).start()
    run(clock, 2000.0)
    assert stats.kstest(np.diff([0.0, *beats.at_s]), stats.expon(scale=1 / RATE_PER_S).cdf).pvalue > 1e-3


def test_a_machine_that_slept_sends_no_burst() -> None:
    clock = Clock()
    beats = Beats(clock)
    make_timer(clock, beats.beat).start()
    clock.rightNow += 3600.0
    run(clock, 3600.0 + 1.0)
    # Poisson(5) at the rate, one missed event fires late; 18,000 would be the burst.
    assert len(beats.at_s) < 20


def test_short_lateness_is_made_up_for() -> None:
    clock = Clock()
    beats = Beats(clock)
    make_timer(clock, beats.beat).start()
    clock.rightNow += 0.9 * LATEST_S
    clock.advance(0)
    # Seeded: with 5/s, more than the one event that was waited for.
    assert len(beats.at_s) > 1
    assert set(beats.at_s) == {0.9 * LATEST_S}


def test_a_clock_set_back_does_not_stop_the_stream() -> None:
    clock = Clock()
    clock.rightNow = 10_000.0
    beats = Beats(clock)
    timer = make_timer(clock, beats.beat)
    timer.start()
    run(clock, 10_010.0)
    beats.at_s.clear()
    clock.rightNow = 5_000.0
    (call,) = clock.getDelayedCalls()
    call.reset(0.01)  # a reactor counts delays on a clock that is never set
    run(clock, 5_010.0)
    assert 25 < len(beats.at_s) < 85


def test_stopping_leaves_no_call() -> None:
    clock = Clock()
    timer = make_timer(clock, lambda: None)
    timer.start()
    timer.start()
    assert timer.running
    assert len(clock.getDelayedCalls()) == 1
    timer.stop()
    timer.stop()
    assert not timer.running
    assert clock.getDelayedCalls() == []


def test_the_work_may_stop_the_stream() -> None:
    clock = Clock()
    timer: PoissonTimer = make_timer(clock, lambda: timer.stop())
    timer.start()
    run(clock, 100.0)
    assert clock.getDelayedCalls() == []


def test_a_failure_of_the_work_does_not_stop_the_stream() -> None:
    clock = Clock()
    calls: list[float] = []

    def fail() -> None:
        calls.append(clock.seconds())
        raise RuntimeError("broken")

    make_timer(clock, fail).start()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="broken"):
            clock.advance(5.0 if not calls else max(0.0, clock.getDelayedCalls()[0].getTime() - clock.seconds()))
    assert len(calls) == 3

"""Who notices that loops get lost: the test's detector and the deployed one, in each other's place."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from loopixmix.errors import MisuseError
from loopixmix.observing.anonymity import FALSE_ALARM_RATE, LOOP_LOSS_TOLERATED, LOOP_WINDOW, LoopWatch
from loopixmix.seams import LoopLost, LoopReturned, LoopSent
from simulations.attacks.detectors import BinomialDetector, LoopDetector, LoopWatcher, MakeDetector


def binomial(window: int = 50, lost_share: float = 0.05, rate: float = 1e-6) -> BinomialDetector:
    return BinomialDetector(window_loops=window, lost_share=lost_share, false_alarm_rate=rate)


def check_detector(detector: LoopDetector, outcomes: list[bool]) -> list[bool]:
    """Tell a detector of loops (true for those lost) and return whether it is in alarm after each."""
    alarms = []
    for lost in outcomes:
        if lost:
            detector.was_lost()
        else:
            detector.returned()
        alarms.append(detector.alarm)
    return alarms


BOTH = pytest.mark.parametrize("make", [binomial, LoopWatch], ids=["binomial", "deployed"])


@BOTH
def test_lost_loops_raise_the_alarm_and_returned_ones_end_it(make: MakeDetector) -> None:
    detector: LoopDetector = make()
    assert not detector.alarm
    assert check_detector(detector, [False] * 60 + [True] * 30)[-1]
    assert not check_detector(detector, [False] * 60)[-1]
    fresh = make()
    # Five lost at once are enough: 0.05^5 is below 1e-6.
    assert check_detector(fresh, [True] * 6) == [False] * 4 + [True] * 2


@BOTH
def test_honest_loss_raises_no_alarm(make: MakeDetector) -> None:
    """H0: each loop is lost with 0.05. 20,000 loops hold 400 windows: an alarm of a full one has 400 x 1e-6."""
    rng = random.Random(3)
    alarms = check_detector(make(), [rng.random() < 0.05 for _ in range(20_000)])
    assert not any(alarms[49::50])


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.floats(0, 1))
def test_with_the_deployed_numbers_both_say_the_same(lost: list[bool], share: float) -> None:
    own = binomial(LOOP_WINDOW, LOOP_LOSS_TOLERATED, FALSE_ALARM_RATE)
    rng = random.Random(share)
    outcomes = [each and rng.random() < share for each in lost]
    assert check_detector(own, outcomes) == check_detector(LoopWatch(), outcomes)


@pytest.mark.parametrize(("window", "lost_share", "rate"), [(20, 0.1, 0.05), (50, 0.05, 0.01), (1, 0.02, 0.05)])
def test_false_alarms_are_as_rare_as_stated(window: int, lost_share: float, rate: float) -> None:
    """H0: windows are in alarm with the tail of the binomial. 4,000 windows, 5 standard deviations (below 1e-6)."""
    rng = random.Random(5)
    watcher = LoopWatcher(binomial(window, lost_share, rate), window)
    for number in range(4000 * window):
        watcher.observe(LoopLost(number) if rng.random() < lost_share else LoopReturned(number, 1.0, 1.0, 4))
    fewest = next(n for n in range(window + 2) if binom.sf(n - 1, window, lost_share) < rate)
    tail = float(binom.sf(fewest - 1, window, lost_share))
    assert tail <= rate
    assert watcher.windows == 4000
    assert abs(watcher.windows_in_alarm / 4000 - tail) < 5 * math.sqrt(tail * (1 - tail) / 4000) + 1e-12


def test_a_watcher_says_when_the_alarm_came_and_forgets() -> None:
    watcher = LoopWatcher(binomial(), 50)
    watcher.observe(LoopSent(0.5))
    for number in range(10):
        watcher.observe(LoopLost(float(number)))
    assert watcher.alarmed_at_s == 4.0
    assert watcher.lost_share == 1.0
    watcher.forget()
    assert (watcher.alarmed_at_s, watcher.lost, watcher.lost_share) == (None, 0, 0.0)
    watcher.observe(LoopReturned(11.0, 1.0, 1.0, 4))
    # The detector has not forgotten.
    assert watcher.alarmed_at_s == 11.0


@pytest.mark.parametrize(
    ("window", "lost_share", "rate"), [(0, 0.1, 0.1), (5, -0.1, 0.1), (5, 0.1, 0.0), (5, 0.1, 1.0)]
)
def test_detectors_out_of_range_are_refused(window: int, lost_share: float, rate: float) -> None:
    with pytest.raises(MisuseError):
        binomial(window, lost_share, rate)

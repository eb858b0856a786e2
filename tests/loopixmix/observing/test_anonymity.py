"""Live entropy against its definition and published figures; the watch over loops against the binomial."""

from __future__ import annotations

import heapq
import random
from fractions import Fraction
from itertools import count
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loopixmix.observing.anonymity import (
    FALSE_ALARM_RATE,
    LOOP_LOSS_TOLERATED,
    LOOP_WINDOW,
    LiveEntropy,
    LoopWatch,
    fewest_lost_for_alarm,
)

ARRIVAL, DEPARTURE = True, False


def brute_force_bits(events: list[bool]) -> list[float]:
    """Entropy of "which arrival was this departure", from the definition alone.

    Every way the mix could have picked, uniformly from what it holds at each departure, is followed.
    """
    worlds: dict[frozenset[int], Fraction] = {frozenset(): Fraction(1)}
    names = count()
    bits = []
    for event in events:
        if event is ARRIVAL:
            new = next(names)
            worlds = {held | {new}: chance for held, chance in worlds.items()}
            continue
        left: dict[int, Fraction] = {}
        after: dict[frozenset[int], Fraction] = {}
        for held, chance in worlds.items():
            for message in held:
                share = chance / len(held)
                left[message] = left.get(message, Fraction(0)) + share
                after[held - {message}] = after.get(held - {message}, Fraction(0)) + share
        worlds = after
        bits.append(-sum(float(chance) * log2(chance) for chance in left.values()))
    return bits


def live_bits(events: list[bool]) -> list[float]:
    entropy = LiveEntropy()
    bits = []
    for event in events:
        if event is ARRIVAL:
            entropy.arrived()
        else:
            entropy.departed()
            bits.append(entropy.bits)
    return bits


@st.composite
def histories(draw: st.DrawFn) -> list[bool]:
    """Up to 12 arrivals and departures; nothing leaves an empty mix."""
    events: list[bool] = []
    held = 0
    for wish in draw(st.lists(st.booleans(), max_size=12)):
        event = ARRIVAL if held == 0 else wish
        held += 1 if event is ARRIVAL else -1
        events.append(event)
    return events


@given(events=histories())
def test_each_step_is_the_entropy_of_the_definition(events: list[bool]) -> None:
    assert live_bits(events) == pytest.approx(brute_force_bits(events), abs=1e-9)


@pytest.mark.parametrize(
    ("rate_per_s", "delay_rate_per_s", "expected_bits"),
    [(100, 2, 7.092), (300, 2, 8.677), (500, 2, 9.415), (100, 20, 3.755), (500, 20, 6.090), (100, 0.2, 10.417)],
)
def test_a_mix_reaches_the_published_entropy(rate_per_s: float, delay_rate_per_s: float, expected_bits: float) -> None:
    """Loopix Fig 4, values recomputed from its definitions (facts to three decimals).

    H0: the mean over 40,000 departures of an M/M/infinity mix in equilibrium is the published value. Successive values
    are correlated over about one pool of departures; the sd of the mean over these runs is below 0.02, the tolerance
    0.08 (4 sd, 6e-5 each); seeded.
    """
    rng = random.Random(11)
    entropy = LiveEntropy()
    departures: list[float] = []
    warm_up = int(30 * rate_per_s / delay_rate_per_s)
    now_s, total_bits, measured = 0.0, 0.0, 0
    while measured < 40_000:
        now_s += rng.expovariate(rate_per_s)
        while departures and departures[0] <= now_s:
            heapq.heappop(departures)
            entropy.departed()
            if entropy.departures > warm_up:
                total_bits += entropy.bits
                measured += 1
        entropy.arrived()
        heapq.heappush(departures, now_s + rng.expovariate(delay_rate_per_s))
    assert total_bits / measured == pytest.approx(expected_bits, abs=0.08)


def test_the_mean_begins_with_the_plain_mean_and_then_follows() -> None:
    entropy = LiveEntropy()
    for _ in range(4):
        entropy.arrived()
    entropy.departed()
    entropy.departed()
    assert entropy.mean_bits == entropy.bits == 2.0


def test_a_message_that_ends_here_was_never_in_the_pool() -> None:
    entropy = LiveEntropy()
    entropy.arrived()
    entropy.arrived()
    entropy.removed()
    assert entropy.held == 1
    entropy.departed()
    assert entropy.bits == 0.0
    assert entropy.held == 0


def test_a_departure_from_an_empty_mix_is_no_event() -> None:
    entropy = LiveEntropy()
    entropy.departed()
    entropy.removed()
    assert (entropy.bits, entropy.departures, entropy.held) == (0.0, 0, 0)


@pytest.mark.parametrize("held", [0, 1, 3, 5])
def test_a_recount_corrects_the_pool(held: int) -> None:
    entropy = LiveEntropy()
    for _ in range(4):
        entropy.arrived()
    entropy.departed()
    entropy.arrived()
    entropy.recount(held)
    assert entropy.held == held


@pytest.mark.parametrize("watched", [1, 5, 20, LOOP_WINDOW])
def test_the_alarm_threshold_is_the_binomial_quantile(watched: int) -> None:
    fewest = fewest_lost_for_alarm(watched)
    honest = stats.binom(watched, LOOP_LOSS_TOLERATED)
    assert fewest > watched or honest.sf(fewest - 1) < FALSE_ALARM_RATE
    assert honest.sf(fewest - 2) >= FALSE_ALARM_RATE


def test_tolerated_loss_raises_no_alarm_and_a_cut_does() -> None:
    watch = LoopWatch()
    rng = random.Random(2)
    for _ in range(2000):
        (watch.was_lost if rng.random() < LOOP_LOSS_TOLERATED else watch.returned)()
        assert not watch.alarm
    loops_until_alarm = 0
    while not watch.alarm:
        watch.was_lost()
        loops_until_alarm += 1
    assert loops_until_alarm < 20
    for _ in range(LOOP_WINDOW):
        watch.returned()
    assert not watch.alarm
    assert (watch.lost, watch.watched) == (0, LOOP_WINDOW)


def test_the_first_lost_loops_of_a_node_are_enough() -> None:
    watch = LoopWatch()
    for _ in range(5):
        watch.was_lost()
    assert watch.alarm

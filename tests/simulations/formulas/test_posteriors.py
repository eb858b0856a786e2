"""Posteriors, corruption, FIFO guesses and loops: against counting."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from loopixmix.errors import MisuseError
from loopixmix.observing import anonymity
from simulations.formulas.corruption import (
    balanced_corrupt_path_share,
    fifo_guess_success,
    n_minus_one_success,
    random_corrupt_path_share,
    seen_within,
)
from simulations.formulas.loops import alarm_probability, attack_loss_share, fewest_lost_for_alarm, window_s
from simulations.formulas.posteriors import loop_posterior, new_packet_posterior, old_packet_posterior


@given(
    left=st.integers(0, 50),
    gone=st.integers(0, 50),
    new=st.integers(0, 50),
    loops=st.floats(0, 100),
    mu=st.floats(0.01, 100),
)
def test_somebody_leaves(left: int, gone: int, new: int, loops: float, mu: float) -> None:
    arrived = left + gone
    if arrived == 0 or left + new == 0:
        return
    old = old_packet_posterior(arrived, left, new, delay_rate_per_s=mu, loop_rate_per_s=loops)
    fresh = new_packet_posterior(left, new, delay_rate_per_s=mu, loop_rate_per_s=loops)
    loop = loop_posterior(left, new, delay_rate_per_s=mu, loop_rate_per_s=loops)
    assert arrived * old + new * fresh + loop == pytest.approx(1.0)


def test_theorem_1_by_counting() -> None:
    # H0: the posteriors are those of Theorem 1; 200,000 departures; false alarms below 1e-8 (six standard errors).
    rng, trials, old, new = random.Random(4), 200_000, 0, 0
    for _ in range(trials):
        mix = [*rng.sample(range(5), 3), "new-1", "new-2"]
        leaver = rng.choice(mix)
        old += leaver == 0
        new += leaver == "new-1"
    for count, expected in ((old, old_packet_posterior(5, 3, 2)), (new, new_packet_posterior(3, 2))):
        assert abs(count / trials - expected) < 6 * (expected * (1 - expected) / trials) ** 0.5


def test_with_loops_an_old_packet_is_the_less_likely_one_as_in_the_appendix() -> None:
    old = old_packet_posterior(10, 4, 6, delay_rate_per_s=2.0, loop_rate_per_s=5.0)
    new = new_packet_posterior(4, 6, delay_rate_per_s=2.0, loop_rate_per_s=5.0)
    assert old == pytest.approx(0.4 * 2 / 25)
    assert new == pytest.approx(2 / 25)


def test_impossible_mixes_are_refused() -> None:
    with pytest.raises(MisuseError):
        old_packet_posterior(3, 4, 0)
    with pytest.raises(MisuseError):
        new_packet_posterior(1, -1)
    assert old_packet_posterior(3, 0, 1) == 0.0
    assert new_packet_posterior(3, 0) == 0.0


def test_five_hundred_packets_over_a_tenth_of_corrupt_mixes() -> None:
    assert balanced_corrupt_path_share(0.1, 3) == pytest.approx(1e-3)
    assert seen_within(1e-3, 500) == pytest.approx(0.3936, abs=5e-5)


def test_random_placement_by_listing_all_of_them() -> None:
    mixes, corrupt, layers = 6, 3, 2
    placements = list(itertools.combinations(range(mixes), corrupt))
    hits = sum(set(range(layers)) <= set(placement) for placement in placements)
    assert random_corrupt_path_share(corrupt, mixes, layers) == pytest.approx(hits / len(placements))


@given(corrupt=st.integers(0, 30), layers=st.integers(1, 5))
def test_random_placement_is_never_worse_than_balanced(corrupt: int, layers: int) -> None:
    assert random_corrupt_path_share(corrupt, 30, layers) <= balanced_corrupt_path_share(corrupt / 30, layers) + 1e-15


@given(share=st.floats(0, 1), packets=st.integers(0, 10**6))
def test_seeing_one_of_more_packets_is_likelier(share: float, packets: int) -> None:
    assert 0 <= seen_within(share, packets) <= seen_within(share, packets + 1) <= 1


def test_corruption_refuses_what_is_no_share() -> None:
    for wrong in (
        lambda: balanced_corrupt_path_share(1.1, 3),
        lambda: seen_within(float("nan"), 3),
        lambda: random_corrupt_path_share(7, 6, 2),
        lambda: fifo_guess_success(-1.0, 1.0),
        lambda: fewest_lost_for_alarm(0, 0.05, 1e-6),
    ):
        with pytest.raises(MisuseError):
            wrong()


def test_fifo_without_others_is_certain_and_with_many_a_coin() -> None:
    assert fifo_guess_success(0.0, 1.0) == 1.0
    assert fifo_guess_success(1e9, 1.0) == pytest.approx(0.5)
    assert fifo_guess_success(2.0, 0.5) == pytest.approx(1 - 2 / (2 * (2 + 2)))


def test_n_minus_one_fails_with_loops() -> None:
    assert n_minus_one_success(1.0, 2.0, 0.0, 0.0) == 1.0
    assert n_minus_one_success(1.0, 2.0, 100.0, 100.0) == pytest.approx(0.01)


@pytest.mark.parametrize("window", [1, 5, 20, 50, 200])
def test_the_alarm_is_the_deployed_one(window: int) -> None:
    threshold = fewest_lost_for_alarm(window, anonymity.LOOP_LOSS_TOLERATED, anonymity.FALSE_ALARM_RATE)
    assert threshold == min(anonymity.fewest_lost_for_alarm(window), window + 1)
    if threshold <= window:
        assert alarm_probability(window, threshold, 0.05) < 1e-6 <= alarm_probability(window, threshold - 1, 0.05)


@given(window=st.integers(1, 300), threshold=st.integers(0, 300), share=st.floats(0, 1))
def test_alarms_are_binomial(window: int, threshold: int, share: float) -> None:
    if threshold <= window:
        expected = float(binom.sf(threshold - 1, window, share))
        assert alarm_probability(window, threshold, share) == pytest.approx(expected, abs=1e-12)


def test_loops_under_attack() -> None:
    assert attack_loss_share(0.05, 1.0) == 1.0
    assert attack_loss_share(0.05, 0.0) == pytest.approx(0.05)
    assert window_s(50, 0.5) == 100.0
    assert window_s(50, 0.0) == float("inf")

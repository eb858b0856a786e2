"""Posteriors, corruption, FIFO guesses and loops: against counting."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
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
    # H0: the posteriors are those of Theorem 1; 50,000 departures; false alarms below 1e-8 (six standard errors).
    rng, trials, old, new = random.Random(4), 50_000, 0, 0
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

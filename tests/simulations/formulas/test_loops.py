"""How many lost loops raise an alarm, and how often."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from loopixmix.observing import anonymity
from simulations.formulas.loops import alarm_probability, attack_loss_share, fewest_lost_for_alarm


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

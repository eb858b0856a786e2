"""Latencies from quantiles follow the broken line they are given."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy import stats

from loopixmix.errors import MisuseError
from simulations.latency import make_latency
from simulations.scenario.values import Links, Scenario, SeedChoice
from simulations.seeds import Seeds

SEEDS = Seeds(SeedChoice(root=5), replicate=0)
# What a live mix network measured: median 31.8, 90 % 166.6, 99 % 301.7 ms; the two ends are ours.
LIVE = ((0.0, 0.001), (0.5, 0.0318), (0.9, 0.1666), (0.99, 0.3017), (1.0, 0.5))
MANY = 200_000


def test_draws_follow_the_points() -> None:
    """H0: draws have the given quantile function; n = 200,000 in bulk, 20,000 one by one; false alarm 1e-6 each."""
    model = make_latency(Scenario(links=Links(model="quantiles", quantiles=LIVE)), SEEDS)
    probabilities, seconds = np.array(LIVE).T
    here = np.zeros(MANY, dtype=np.int64)
    rng = Random(4)
    many = model.draw_many_s(here, here, np.random.default_rng(8))
    single = np.array([model.draw_s(0, 1, rng) for _ in range(MANY // 10)])
    for draws in (many, single):
        assert stats.kstest(draws, lambda x: np.interp(x, seconds, probabilities)).pvalue > 1e-6
    assert np.quantile(many, [0.5, 0.9, 0.99]) == pytest.approx([0.0318, 0.1666, 0.3017], rel=0.02)


@pytest.mark.parametrize("points", [(), ((0.5, 1.0),), ((0.5, 1.0), (0.1, 2.0)), ((0.1, 2.0), (0.5, 1.0))])
def test_points_that_do_not_rise_are_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(MisuseError, match=r"links\.quantiles"):
        Links(model="quantiles", quantiles=points)

"""Constant and uniform latencies follow what they state."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy import stats

from loopixmix.errors import MisuseError
from simulations.latency import Places, make_latency
from simulations.scenario.values import Links, Scenario, SeedChoice, Topology
from simulations.seeds import Seeds

SEEDS = Seeds(SeedChoice(root=5), replicate=0)
MANY = 50_000
HERE = np.zeros(MANY, dtype=np.int64)


def test_constant_is_the_same_for_all() -> None:
    model = make_latency(Scenario(links=Links(latency_s=0.05)), SEEDS)
    assert model.draw_s(0, 7, Random(1)) == 0.05
    many = model.draw_many_s(HERE, HERE, np.random.default_rng(1))
    assert many.shape == (MANY,)
    assert set(many.tolist()) == {0.05}


def test_uniform_follows_its_bounds() -> None:
    """H0: draws are uniform on [10, 100] ms; n = 50,000 each way; false alarm 1e-6 each (Kolmogorov-Smirnov)."""
    model = make_latency(Scenario(links=Links(model="uniform")), SEEDS)
    rng = Random(3)
    many = model.draw_many_s(HERE, HERE, np.random.default_rng(2))
    single = [model.draw_s(0, 1, rng) for _ in range(MANY)]
    for draws in (many, single):
        assert stats.kstest(draws, stats.uniform(0.010, 0.090).cdf).pvalue > 1e-6


def test_places_are_one_row() -> None:
    places = Places(Topology(layers=3, mixes_per_layer=4, providers=2))
    row = [places.provider(i) for i in range(2)]
    row += [places.mix(layer, i) for layer in (1, 2, 3) for i in range(4)]
    assert [*row, places.user(0), places.user(5)] == [*range(15), 19]
    assert places.nodes == places.first_user == 14
    for wrong in (
        lambda: places.provider(2),
        lambda: places.mix(4, 0),
        lambda: places.mix(1, 4),
        lambda: places.user(-1),
    ):
        with pytest.raises(MisuseError, match="there is no"):
            wrong()

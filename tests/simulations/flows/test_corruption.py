"""Which mixes are corrupt, and what is routed through them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.flows.corruption import (
    alike_of_layers,
    all_corrupt_share,
    corrupt_mixes,
    expected_all_corrupt_share,
    routing_shares,
)
from simulations.scenario import change
from simulations.scenario.values import Corruption, Scenario, SeedChoice, Topology
from simulations.seeds import Seeds


def scenario_of(share: float, placement: str, *, layers: int = 3, width: int = 10, routed: float = 0.4) -> Scenario:
    corruption = Corruption(share=share, placement=placement, routed_share=routed)  # type: ignore[arg-type]
    return Scenario(topology=Topology(layers=layers, mixes_per_layer=width), corruption=corruption)


def seeds_of(replicate: int = 0, root: int = 1) -> Seeds:
    return Seeds(SeedChoice(root=root), replicate=replicate)


@given(
    share=st.floats(0, 1),
    placement=st.sampled_from(["balanced", "random", "heaviest", "favoured"]),
    layers=st.integers(1, 6),
    width=st.integers(1, 12),
    routed=st.floats(0, 1),
)
def test_as_many_mixes_are_corrupt_as_asked_for(
    share: float, placement: str, layers: int, width: int, routed: float
) -> None:
    scenario = scenario_of(share, placement, layers=layers, width=width, routed=routed)
    corrupt = corrupt_mixes(scenario, seeds_of())
    shares = routing_shares(scenario, corrupt)
    assert corrupt.shape == shares.shape == (layers, width)
    assert corrupt.sum() == round(share * layers * width)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    if placement != "random":
        assert corrupt.sum(axis=1).max() - corrupt.sum(axis=1).min() <= 1
        assert all_corrupt_share(corrupt, shares) == pytest.approx(expected_all_corrupt_share(scenario), abs=1e-12)


def test_random_placement_in_the_mean_over_every_placement_there_is() -> None:
    """The formula prod (B-i)/(N-i) against all 84 ways to place 3 corrupt mixes among 3 x 3."""
    scenario = scenario_of(1 / 3, "random", width=3)
    shares = np.full((3, 3), 1 / 3)
    found = []
    for places in itertools.combinations(range(9), 3):
        corrupt = np.zeros(9, dtype=np.bool_)
        corrupt[list(places)] = True
        found.append(all_corrupt_share(corrupt.reshape(3, 3), shares))
    assert len(found) == 84
    assert expected_all_corrupt_share(scenario) == pytest.approx(sum(found) / 84, rel=1e-12)


def test_random_placements_are_drawn_as_the_formula_says() -> None:
    """H0: each draw is uniform. 4,000 placements; the mean is 5 standard errors off with probability below 1e-6."""
    scenario = scenario_of(0.3, "random")
    found = [
        all_corrupt_share(c, np.full((3, 10), 0.1)) for c in (corrupt_mixes(scenario, seeds_of(n)) for n in range(4000))
    ]
    error = float(np.std(found)) / math.sqrt(len(found))
    assert abs(np.mean(found) - expected_all_corrupt_share(scenario)) < 5 * error
    assert 5 * error < 0.05 * expected_all_corrupt_share(scenario)


@pytest.mark.parametrize(
    ("layers", "share", "published"),
    [(2, 0.1, 0.00909090909), (3, 0.1, 0.000764603), (4, 0.2, 0.0012355832), (5, 0.3, 0.0018928236)],
)
def test_the_published_shares_of_mixim_figure_3(layers: int, share: float, published: float) -> None:
    """100 mixes, of which the figure's program leaves over what does not divide: the formula wants only N and B."""
    corrupt, mixes = round(share * 100), 100
    formula = math.prod((corrupt - i) / (mixes - i) for i in range(layers))
    if mixes % layers == 0:
        scenario = scenario_of(share, "random", layers=layers, width=mixes // layers)
        assert expected_all_corrupt_share(scenario) == pytest.approx(formula, rel=1e-12)
    assert formula == pytest.approx(published, rel=0.03)


def test_favoured_mixes_get_more_than_their_share() -> None:
    """One of ten mixes in each of three layers, with 0.4 of the packets: 0.064 instead of 0.001."""
    assert expected_all_corrupt_share(scenario_of(0.1, "favoured")) == pytest.approx(0.064)
    assert expected_all_corrupt_share(scenario_of(0.1, "balanced")) == pytest.approx(0.001)


def test_the_heaviest_mixes_take_what_their_weights_give_them() -> None:
    """MiXiM Fig. 6, as published: the corrupt mix of the first layer has 0.4 of its packets, others a tenth."""
    scenario = change(scenario_of(0.1, "heaviest"), {"topology.mix_weights": [[6], [], []]})
    corrupt = corrupt_mixes(scenario, seeds_of())
    shares = routing_shares(scenario, corrupt)
    assert corrupt[:, 0].tolist() == [True, True, True]
    assert corrupt.sum() == 3
    np.testing.assert_allclose(shares[0], [0.4] + [0.6 / 9] * 9)
    np.testing.assert_allclose(shares[1:], 0.1)
    assert all_corrupt_share(corrupt, shares) == expected_all_corrupt_share(scenario) == pytest.approx(0.004)


def test_weights_do_not_ask_who_is_corrupt() -> None:
    """H0: each mix of a layer is as often the corrupt one. 4,000 placements, judged at 5 standard deviations."""
    scenario = change(scenario_of(0.1, "balanced"), {"topology.mix_weights": [[6]]})
    found = []
    for replicate in range(4000):
        corrupt = corrupt_mixes(scenario, seeds_of(replicate))
        shares = routing_shares(scenario, corrupt)
        assert shares[0, 0] == pytest.approx(0.4)
        found.append(all_corrupt_share(corrupt, shares))
    assert abs(np.mean(found) - expected_all_corrupt_share(scenario)) < 5 * np.std(found) / math.sqrt(len(found))
    assert expected_all_corrupt_share(scenario) == pytest.approx(0.001)


def test_mixes_alike_are_told_without_seeds_as_they_are_with_them() -> None:
    for weights in ([], [[6]], [[2, 2], [], [1, 3]]):
        for placement in ("balanced", "random", "heaviest", "favoured"):
            scenario = change(scenario_of(0.2, placement), {"topology.mix_weights": weights})
            shares = routing_shares(scenario, corrupt_mixes(scenario, seeds_of()))
            for row, alike in zip(shares, alike_of_layers(scenario), strict=True):
                told = [each.share for each in alike for _ in range(each.nodes)]
                np.testing.assert_allclose(sorted(told), np.sort(row))


def test_the_same_seeds_give_the_same_mixes_and_other_ones_do_not() -> None:
    for placement in ("balanced", "random", "favoured"):
        scenario = scenario_of(0.3, placement)
        first = corrupt_mixes(scenario, seeds_of())
        assert np.array_equal(first, corrupt_mixes(scenario, seeds_of()))
        assert not np.array_equal(first, corrupt_mixes(scenario, seeds_of(1)))

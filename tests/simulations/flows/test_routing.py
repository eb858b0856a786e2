"""Weights of mixes, and the shares of packets that follow from them."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.flows.corruption import corrupt_mixes
from simulations.flows.rates import flows_of
from simulations.flows.routing import alike_mixes, weight_rows, weight_shares
from simulations.flows.timing import wait_mean_s
from simulations.formulas.paths import Alike
from simulations.formulas.queues import md1_wait_mean_s
from simulations.scenario import Scenario, change
from simulations.scenario.values import Topology
from simulations.seeds import Seeds
from simulations.vector.run import Replicate


def topology(*weights: tuple[float, ...], layers: int = 3, width: int = 10) -> Topology:
    return Topology(layers=layers, mixes_per_layer=width, mix_weights=weights)


def test_weights_are_in_proportion_and_what_is_left_out_weighs_one() -> None:
    np.testing.assert_allclose(weight_shares(topology()), 0.1)
    # MiXiM Fig. 6: 0.4 for the first of ten.
    np.testing.assert_allclose(weight_shares(topology((6.0,))), [[0.4, *[0.6 / 9] * 9]] * 3)
    shares = weight_shares(topology((6.0,), (), (2.0, 2.0)))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(shares[1], 0.1)
    np.testing.assert_allclose(shares[2], [2 / 12] * 2 + [1 / 12] * 8)


def test_mixes_alike_are_one_group() -> None:
    assert alike_mixes(np.full(5, 0.2)) == (Alike(5, 0.2),)
    assert alike_mixes(np.array([0.5, 0.25, 0.25])) == (Alike(2, 0.25), Alike(1, 0.5))
    assert alike_mixes(np.empty(0)) == ()


def test_weights_that_are_all_the_same_are_known_as_such() -> None:
    assert [set(row) for row in weight_rows(topology((2.0,), (1.0, 1.0), width=2))] == [{1.0, 2.0}, {1.0}]
    assert weight_rows(topology((2.0, 2.0), width=2)) == [(2.0, 2.0)]


def test_each_mix_has_the_load_of_its_weight_and_its_own_loops_as_every_other() -> None:
    scenario = change(Scenario(), {"topology.mix_weights": [[2]], "processors.unwrap_s": 1e-4})
    stage = flows_of(scenario).mixes[0]
    light, heavy = sorted(stage.loads, key=lambda load: load.waiting_per_s)
    assert (light.nodes, heavy.nodes) == (2, 1)
    assert heavy.waiting_per_s == pytest.approx(stage.packets_per_s / 2)
    assert heavy.unwrapped_per_s - heavy.waiting_per_s == pytest.approx(light.unwrapped_per_s - light.waiting_per_s)
    assert stage.busiest == heavy
    assert stage.least_pool == light.pool_mean
    # Half of the packets wait where half of them go.
    expected_s = (md1_wait_mean_s(heavy.unwrapped_per_s, 1e-4) + md1_wait_mean_s(light.unwrapped_per_s, 1e-4)) / 2
    assert wait_mean_s(scenario, stage) == pytest.approx(expected_s)


def test_the_vector_engine_sends_packets_by_weight() -> None:
    """H0: a packet takes the first mix of layer 2 with 6/15. Judged at 5 standard deviations (below 1e-6)."""
    scenario = change(
        Scenario(),
        {
            "topology.mixes_per_layer": 10,
            "topology.mix_weights": [[], [6], []],
            "corruption.share": 0.1,
            "run.duration_s": 4.0,
            "run.targets": 0,
        },
    )
    seeds = Seeds(scenario.seeds, replicate=0)
    replicate = Replicate(scenario, seeds)
    np.testing.assert_allclose(replicate.routing[1], [0.4, *[0.6 / 9] * 9])
    assert np.array_equal(replicate.corrupt, corrupt_mixes(scenario, seeds))
    drawn = replicate._sources[0].until(4.0)
    # Providers 0 and 1, ten mixes of layer 1, and then those of layer 2.
    taken = drawn.places[2] == 12
    assert abs(taken.mean() - 0.4) < 5 * (0.24 / taken.size) ** 0.5

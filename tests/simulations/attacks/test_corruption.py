"""What corrupt mixes tell the adversary."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.corruption import attack_corruption, measured_all_corrupt_share
from simulations.flows.corruption import all_corrupt_share, corrupt_mixes, routing_shares
from simulations.scenario.values import Corruption, Scenario, SeedChoice, Topology, Users
from simulations.seeds import Seeds


def scenario_of(share: float, placement: str, *, layers: int = 3, width: int = 10, routed: float = 0.4) -> Scenario:
    corruption = Corruption(share=share, placement=placement, routed_share=routed)  # type: ignore[arg-type]
    return Scenario(topology=Topology(layers=layers, mixes_per_layer=width), corruption=corruption)


def seeds_of(replicate: int = 0, root: int = 1) -> Seeds:
    return Seeds(SeedChoice(root=root), replicate=replicate)


@pytest.mark.parametrize("placement", ["balanced", "random", "favoured"])
def test_drawn_paths_are_corrupt_as_often_as_the_placement_says(placement: str) -> None:
    """H0: the share of this placement. 300,000 paths, judged at 5 standard deviations (below 1e-6)."""
    scenario = scenario_of(0.3, placement, routed=0.7)
    corrupt = corrupt_mixes(scenario, seeds_of(3))
    shares = routing_shares(scenario, corrupt)
    exact = all_corrupt_share(corrupt, shares)
    measured = measured_all_corrupt_share(corrupt, shares, 300_000, np.random.default_rng(4))
    assert exact > 0
    assert abs(measured.share - exact) < 5 * math.sqrt(exact * (1 - exact) / 300_000)
    assert measured.low < measured.share < measured.high


def test_messages_of_many_packets_meet_a_corrupt_path_sooner_or_later() -> None:
    """b = 0.1, three layers, 500 packets: 0.3936 (facts). H0: the paths drawn are so corrupt: 200 of 200,000, sd 14."""
    users = Users(packets_per_message=500)
    scenario = msgspec.structs.replace(scenario_of(0.1, "balanced"), users=users)
    figures = attack_corruption(scenario, seeds_of())
    assert figures["attack.corruption.bound"] == pytest.approx(0.3936, abs=5e-5)
    assert abs(figures["attack.corruption.success"] - 0.3936) < 5 * 14 / 200_000 * 500 * (1 - 0.3936)
    assert figures["attack.corruption.success.low"] < figures["attack.corruption.success"]
    assert figures["attack.corruption.success"] < figures["attack.corruption.success.high"]
    assert attack_corruption(scenario_of(0.0, "balanced"), seeds_of()) == {}


def test_no_paths_at_all_are_refused() -> None:
    with pytest.raises(MisuseError, match="paths"):
        measured_all_corrupt_share(np.ones((1, 1), dtype=np.bool_), np.ones((1, 1)), 0, np.random.default_rng(1))

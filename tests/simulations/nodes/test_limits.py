"""What the deployed code cannot do."""

from __future__ import annotations

import pytest

from simulations.nodes.limits import refusals
from simulations.scenario import Scenario, change


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"users.count": 50_001}, "users.count (50001)"),
        ({"topology.providers": 0}, "topology.providers is 0"),
        ({"topology.layers": 9}, "topology.layers (9)"),
        ({"topology.mixes_per_layer": 4000}, "topology.mixes_per_layer (12002)"),
        ({"traffic.replies": False}, "traffic.replies is false"),
        ({"traffic.node_loop_rate_per_s": 0.0}, "traffic.node_loop_rate_per_s (0)"),
        ({"mix.delay_mean_s": 3601.0}, "mix.delay_mean_s (3601)"),
        ({"users.packets_per_message": 10_000, "users.messages_per_day": 1.0}, "users.packets_per_message (10000)"),
    ],
)
def test_a_refusal_names_its_key(changes: dict[str, object], named: str) -> None:
    assert named in " ".join(refusals(change(Scenario(), changes)))


def test_the_default_scenario_is_taken() -> None:
    assert list(refusals(Scenario())) == []

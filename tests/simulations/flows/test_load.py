"""Processors that cannot do what comes."""

from __future__ import annotations

import pytest

from simulations.flows.load import check_load
from simulations.scenario import Scenario, ScenarioError, change

# 1,839 packets a second for each mix of the default scenario, 3,000 and more for each provider.
FAVOURED: dict[str, object] = {
    "topology.providers": 20,
    "corruption.share": 0.34,
    "corruption.placement": "favoured",
    "corruption.routed_share": 0.9,
}


def test_processors_without_limits_are_never_too_slow() -> None:
    check_load(change(Scenario(), {"users.count": 10_000_000}))


def test_the_stage_and_what_would_help_are_named() -> None:
    with pytest.raises(ScenarioError, match=r"what providers take.*raise topology\.providers or processors\.cores"):
        check_load(change(Scenario(), {"processors.unwrap_s": 0.001}))


def test_the_most_loaded_mix_decides() -> None:
    even = change(Scenario(), {"topology.providers": 20, "processors.unwrap_s": 0.0003})
    check_load(even)
    with pytest.raises(ScenarioError, match="what layer 2 take"):
        check_load(change(even, {"topology.mix_weights": [[], [6], []]}))
    with pytest.raises(ScenarioError, match="what layer 1 take"):
        check_load(change(even, FAVOURED))

"""What is simulated: scenarios as values, read from TOML, changed key by key."""

from __future__ import annotations

from simulations.scenario.reading import ScenarioError, change, load_scenario, parse_scenario
from simulations.scenario.shipped import scenario_named, shipped
from simulations.scenario.values import Scenario
from simulations.scenario.writing import to_toml

__all__ = [
    "Scenario",
    "ScenarioError",
    "change",
    "load_scenario",
    "parse_scenario",
    "scenario_named",
    "shipped",
    "to_toml",
]

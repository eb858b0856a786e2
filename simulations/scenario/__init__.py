"""What is simulated: scenarios as values, read from TOML, changed key by key."""

from __future__ import annotations

from simulations.scenario.reading import ScenarioError, change, load_scenario, parse_scenario
from simulations.scenario.values import Scenario

__all__ = ["Scenario", "ScenarioError", "change", "load_scenario", "parse_scenario"]

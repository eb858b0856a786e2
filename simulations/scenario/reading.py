"""Scenarios from TOML, and scenarios with single keys changed; errors name the file, the key and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from loopixmix.config import load_config, parse_config
from loopixmix.errors import ConfigError
from simulations.scenario.values import Scenario


class ScenarioError(ConfigError):
    """The scenario cannot be simulated as it is."""


def load_scenario(path: Path) -> Scenario:
    """Return the scenario in the TOML file at `path`; raise `ConfigError` where it is not one."""
    return load_config(path, Scenario)


def parse_scenario(text: str, *, source: str) -> Scenario:
    """Return the scenario in TOML text; errors begin with `source`."""
    return parse_config(text, Scenario, source=source)


def change(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """Return the scenario with dotted keys, such as `mix.delay_mean_s`, set to other values, checked as in a file."""
    table = msgspec.to_builtins(scenario)
    for key, value in values.items():
        *sections, last = key.split(".")
        inner = table
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    try:
        return msgspec.convert(table, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(str(error)) from error

"""Scenarios from TOML, and scenarios with single keys changed; errors name the file, the key and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from loopixmix.config import read_toml
from loopixmix.errors import ConfigError, MisuseError
from simulations.scenario.checking import contradictions
from simulations.scenario.plain import plain
from simulations.scenario.ranges import faults
from simulations.scenario.values import Scenario

MOST_BYTES = 1_000_000
"""A scenario has some hundred lines; what is larger is something else."""


class ScenarioError(ConfigError):
    """The scenario cannot be simulated as it is."""


def load_scenario(path: Path) -> Scenario:
    """Return the scenario in the TOML file at `path`; raise `ScenarioError`, one line, if it holds none."""
    try:
        with path.open("rb") as file:
            # One byte more than allowed: a file that is too long is known as such without being read.
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ScenarioError(f"{path}: is a directory, not a scenario") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ScenarioError(f"{path}: cannot be read: {reason}") from error
    if len(content) > MOST_BYTES:
        raise ScenarioError(f"{path}: is larger than {MOST_BYTES} bytes: this is no scenario")
    try:
        return parse_scenario(content.decode("utf-8"), source=str(path))
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from error


def parse_scenario(text: str, *, source: str) -> Scenario:
    """Return the scenario in TOML text; errors begin with `source`."""
    try:
        table = read_toml(text)
    except ConfigError as error:
        raise ScenarioError(f"{source}: {error}") from error
    return _scenario_of(table, source)


def change(scenario: Scenario, values: Mapping[str, object], *, source: str = "") -> Scenario:
    """Return the scenario with dotted keys, such as `mix.delay_mean_s`, set to other values, checked as in a file.

    A table that may be absent, such as `attacks.fifo`, is there once a key of it is set, or as `{}`; None takes it
    away.
    Errors begin with `source`, if it is given, such as the name of an option.
    """
    # By way of plain tables, so that a changed key is checked exactly as one in a file is.
    table: dict[str, object] = msgspec.to_builtins(scenario)
    for key, value in values.items():
        *sections, last = key.split(".")
        inner = table
        for section in sections:
            found = inner.get(section)
            if found is None:
                found = inner[section] = {}
            if not isinstance(found, dict):
                raise _error(source, f'unknown key "{key}": {section} is no table')
            inner = found
        inner[last] = plain(value)
    return _scenario_of(table, source)


def _scenario_of(table: Mapping[str, object], source: str) -> Scenario:
    # Before msgspec, which names neither the range of a key nor a key that was meant.
    for fault in faults(table):
        raise _error(source, fault)
    try:
        scenario = msgspec.convert(table, Scenario)
    except (msgspec.ValidationError, MisuseError) as error:
        raise _error(source, str(error)) from error
    for contradiction in contradictions(scenario):
        raise _error(source, contradiction)
    return scenario


def _error(source: str, text: str) -> ScenarioError:
    return ScenarioError(f"{source}: {text}" if source else text)

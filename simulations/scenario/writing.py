"""Scenarios as TOML that reads back as the same scenario."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import tomli_w

from loopixmix.errors import MisuseError
from simulations.scenario.values import Scenario


def to_toml(scenario: Scenario) -> str:
    """Return a scenario as TOML with every key that has a value; `parse_scenario` returns the same scenario.

    Raises `MisuseError` for text that no file can hold (a lone surrogate).
    """
    text = tomli_w.dumps(_with_values(msgspec.to_builtins(scenario)))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MisuseError(f"the scenario has text that is no Unicode: {error.reason}") from error
    return text


def _with_values(table: Mapping[str, object]) -> dict[str, object]:
    # TOML has no null: a key without a value is left out, and reads back as its default, which is None.
    return {
        key: _with_values(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }

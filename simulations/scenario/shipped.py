"""The scenarios that come along, by name."""

from __future__ import annotations

from pathlib import Path

from simulations.scenario.reading import ScenarioError, load_scenario
from simulations.scenario.values import Scenario

_FOLDER = Path(__file__).parent / "scenarios"


def shipped() -> dict[str, Path]:
    """Return the files of all scenarios that come along, by name and in its order."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_scenario(name: str | Path) -> Path:
    """Return the file that is meant: one of that name, or a scenario that comes along.

    Raises `ScenarioError` if there is neither.
    """
    path = Path(name)
    known = shipped()
    # A file of that name in this folder goes before one that comes along: it is the more likely to be meant.
    if path.exists() or str(name) not in known:
        if not path.exists() and path.name == str(name) and not path.suffix:
            raise ScenarioError(
                f'there is no file "{name}" and no scenario of that name (there are: {", ".join(known)})'
            )
        return path
    return known[str(name)]


def scenario_named(name: str | Path) -> Scenario:
    """Return the scenario in the file `name`, or the one of that name that comes along; raise `ScenarioError`."""
    return load_scenario(find_scenario(name))

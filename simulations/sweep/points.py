"""Points: every combination of the values that swept keys take, each a scenario of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulations.scenario import Scenario, ScenarioError, change
from simulations.scenario.plain import plain

MOST_POINTS = 100_000
_HINTS = {
    "run.replicates": ": --replicates, or `replicates` in Python, sets it",
    "name": "",
    "description": "",
}
FIXED_KEYS = tuple(_HINTS)
"""Keys that have one value in all of a sweep."""


@dataclass(frozen=True)
class Axis:
    """One key and its values, in order."""

    key: str
    values: tuple[object, ...]


@dataclass(frozen=True)
class Point:
    """One scenario of a sweep: its number, from 0, the values of the swept keys and the scenario with them."""

    number: int
    values: Mapping[str, object]
    scenario: Scenario

    @property
    def text(self) -> str:
        """The swept values as a reader wants them; empty if nothing is swept."""
        return ", ".join(f"{key}={shown(value)}" for key, value in self.values.items())


def axes_of(sweep: Mapping[str, Sequence[object]] | Iterable[Axis]) -> tuple[Axis, ...]:
    """Return the axes of a sweep given as a table of keys and values, or as axes.

    Raises `ScenarioError` if a key is there twice, has no values or one twice, or cannot be swept.
    """
    if isinstance(sweep, Mapping):
        sweep = [Axis(key, _listed(key, values)) for key, values in sweep.items()]
    axes = tuple(Axis(axis.key, tuple(map(plain, axis.values))) for axis in sweep)
    check_each_once(axes)
    for axis in axes:
        if axis.key in FIXED_KEYS:
            raise ScenarioError(f"{axis.key} cannot be swept: it is the same for all of a run{_HINTS[axis.key]}")
        if not axis.values:
            raise ScenarioError(f"{axis.key} is swept over no values")
        for place, value in enumerate(axis.values):
            # A value given twice would be two points of the same seeds, and count twice in every plot.
            if value in axis.values[:place]:
                raise ScenarioError(f"{axis.key} is swept over {shown(value)} twice")
    return axes


def check_each_once(axes: Sequence[Axis]) -> None:
    """Raise `ScenarioError` if a key is there twice."""
    for number, axis in enumerate(axes):
        if axis.key in (other.key for other in axes[:number]):
            raise ScenarioError(f"{axis.key} is given twice: give all its values at once")


def _listed(key: str, values: object) -> tuple[object, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ScenarioError(f"{key} is swept over {values!r}: give a list of values")
    return tuple(values)


def points_of(scenario: Scenario, axes: Sequence[Axis]) -> tuple[Point, ...]:
    """Return all points of the grid, the last axis changing fastest; raise `ScenarioError` for what cannot be."""
    count = 1
    for axis in axes:
        # Counted before anything is made: a sweep of a million points is refused at once.
        count *= len(axis.values)
    if count > MOST_POINTS:
        raise ScenarioError(f"the sweep has {count} points: at most {MOST_POINTS} are possible")
    keys = [axis.key for axis in axes]
    points = []
    for number, values in enumerate(itertools.product(*(axis.values for axis in axes))):
        changes = dict(zip(keys, values, strict=True))
        points.append(_point(number, changes, scenario))
    return tuple(points)


def _point(number: int, changes: Mapping[str, object], scenario: Scenario) -> Point:
    text = ", ".join(f"{key}={shown(value)}" for key, value in changes.items())
    return Point(number, changes, change(scenario, changes, source=f"with {text}" if text else ""))


def shown(value: object) -> str:
    """Return a value of a key as text for a reader, as `-p` takes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_within, value))}]"
        case dict():
            return f"{{{', '.join(f'{key} = {_within(item)}' for key, item in value.items())}}}"
        case _:
            return str(value)


def _within(value: object) -> str:
    """Return a value within a list or table, as TOML has it: text needs quotation marks there."""
    return f'"{value}"' if isinstance(value, str) else shown(value)

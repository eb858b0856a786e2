"""What is swept: `-p` options and grids of their values."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from simulations.scenario import Scenario, ScenarioError, change
from simulations.scenario.plain import plain

MOST_VALUES = 10_000
MOST_POINTS = 100_000
FIXED_KEYS = ("run.replicates", "name", "description")
"""Keys that have one value in all of a sweep."""

_KEY = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)*")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):(x?)({_NUMBER})")


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
        """The swept values as a reader wants them; empty where nothing is swept."""
        return ", ".join(f"{key}={shown(value)}" for key, value in self.values.items())


def parse_parameter(text: str) -> Axis:
    """Return the key and the values of one `-p` option; raise `ScenarioError` where it is none.

    Values are separated by commas and written as in TOML; text needs no quotation marks. `0.1:0.5:0.1` stands for
    0.1, 0.2 ... 0.5, both ends included, and `1:1000:x10` for 1, 10, 100, 1000.
    """
    key, equals, values = text.partition("=")
    key = key.strip()
    if not equals or not _KEY.fullmatch(key):
        raise ScenarioError(f'-p {text}: must be KEY=VALUE or KEY=VALUE,VALUE..., such as "mix.delay_mean_s=0.1,0.2"')
    if not values.strip():
        raise ScenarioError(f"-p {text}: there is no value")
    try:
        return Axis(key, tuple(_values(values)))
    except ScenarioError as error:
        raise ScenarioError(f"-p {text}: {error}") from error


def axes_of(sweep: Mapping[str, Sequence[object]] | Iterable[Axis]) -> tuple[Axis, ...]:
    """Return the axes of a sweep given as a table of keys and values, or as axes.

    Raises `ScenarioError` where a key is there twice, has no values or one twice, or cannot be swept.
    """
    if isinstance(sweep, Mapping):
        sweep = [Axis(key, _listed(key, values)) for key, values in sweep.items()]
    axes = tuple(sweep)
    for number, axis in enumerate(axes):
        if axis.key in (other.key for other in axes[:number]):
            raise ScenarioError(f"{axis.key} is swept twice: give all its values at once")
        if axis.key in FIXED_KEYS:
            raise ScenarioError(f"{axis.key} cannot be swept: it is the same for all of a run")
        if not axis.values:
            raise ScenarioError(f"{axis.key} is swept over no values")
        for place, value in enumerate(axis.values):
            if value in axis.values[:place]:
                raise ScenarioError(f"{axis.key} is swept over {shown(value)} twice")
    return axes


def _listed(key: str, values: object) -> tuple[object, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ScenarioError(f"{key} is swept over {values!r}: give a list of values")
    return tuple(plain(value) for value in values)


def points_of(scenario: Scenario, axes: Sequence[Axis]) -> tuple[Point, ...]:
    """Return all points of the grid, the last axis changing fastest; raise `ScenarioError` for what cannot be."""
    count = 1
    for axis in axes:
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
    """Return a value of a key as text for a reader."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case _:
            return str(value)


def _values(text: str) -> Iterator[object]:
    if any(mark in text for mark in "\"'[{"):
        yield from map(plain, _toml(f"[{text}]"))
        return
    for item in (part.strip() for part in text.split(",")):
        if not item:
            raise ScenarioError("a value is missing between commas")
        steps = _RANGE.fullmatch(item)
        yield from (_range(item, steps) if steps else [_bare(item)])


def _toml(text: str) -> list[object]:
    try:
        values: list[object] = tomllib.loads(f"values = {text}")["values"]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(f"cannot be read as TOML: {error}") from error
    return values


def _bare(item: str) -> object:
    """Return a value without quotation marks: a number, true, false, or text."""
    try:
        return plain(tomllib.loads(f"value = {item}")["value"])
    except (tomllib.TOMLDecodeError, RecursionError):
        return item


def _range(text: str, steps: re.Match[str]) -> list[object]:
    """Return the values of a range, in decimals, so that 0.1:0.3:0.1 holds 0.3 and not 0.30000000000000004."""
    first, last, step = (Decimal(steps[group]) for group in (1, 2, 4))
    by_factor = bool(steps[3])
    if by_factor and not (first > 0 and last > first and step > 1):
        raise ScenarioError(f"the range {text} must rise from above 0 by a factor above 1")
    if not by_factor and not (step != 0 and (last - first) / step >= 0):
        raise ScenarioError(f"the range {text} never gets from {steps[1]} to {steps[2]}")
    whole = all("." not in steps[group] and "e" not in steps[group].lower() for group in (1, 2, 4))
    values: list[object] = []
    value = first
    while (value <= last) if by_factor or step > 0 else (value >= last):
        if len(values) == MOST_VALUES:
            raise ScenarioError(f"the range {text} has more than {MOST_VALUES} values")
        values.append(int(value) if whole else float(value))
        value = value * step if by_factor else value + step
    return values

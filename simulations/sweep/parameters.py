"""Options of the command line such as `-p`: a key and its values, or a range of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from loopixmix.config import read_toml
from loopixmix.errors import ConfigError
from simulations.scenario import ScenarioError
from simulations.scenario.plain import plain
from simulations.sweep.points import Axis

MOST_VALUES = 10_000

_KEY = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)*")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):(x?)({_NUMBER})")


def parse_parameter(text: str, *, option: str = "-p") -> Axis:
    """Return the key and the values of one `-p` option, or of another one; raise `ScenarioError` if it is none.

    Values are separated by commas and written as in TOML; text needs no quotation marks. `0.1:0.5:0.1` stands for
    0.1, 0.2 ... 0.5, both ends included, and `1:1000:x10` for 1, 10, 100, 1000.
    """
    key, equals, values = text.partition("=")
    key = key.strip()
    if not equals or not _KEY.fullmatch(key):
        raise ScenarioError(
            f'{option} {text}: must be KEY=VALUE or KEY=VALUE,VALUE..., such as "mix.delay_mean_s=0.1,0.2"'
        )
    if not values.strip():
        raise ScenarioError(f"{option} {text}: there is no value")
    try:
        return Axis(key, tuple(_values(values)))
    except ScenarioError as error:
        raise ScenarioError(f"{option} {text}: {error}") from error


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
        values: list[object] = read_toml(f"values = {text}")["values"]
    except ConfigError as error:
        raise ScenarioError(str(error)) from error
    return values


def _bare(item: str) -> object:
    """Return a value without quotation marks: a number, true, false, or text."""
    try:
        return plain(read_toml(f"value = {item}")["value"])
    except ConfigError:
        return item


def _range(text: str, steps: re.Match[str]) -> list[object]:
    """Return the values of a range, in decimals, so that 0.1:0.3:0.1 holds 0.3 and not 0.30000000000000004."""
    # In decimals, because 0.1 + 0.2 is not 0.3 in floats, and the last value would be missed.
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

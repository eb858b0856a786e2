"""Scenarios as TOML that reads back as the same scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from loopixmix.errors import MisuseError
from simulations.scenario.values import Scenario

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_toml(scenario: Scenario) -> str:
    """Return a scenario as TOML with every key that has a value; `parse_scenario` returns the same scenario.

    Raises `MisuseError` for text that no file can hold (a lone surrogate).
    """
    text = "\n".join(_lines(msgspec.to_builtins(scenario), ())) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MisuseError(f"the scenario has text that is no Unicode: {error.reason}") from error
    return text


def _lines(table: Mapping[str, object], where: tuple[str, ...]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in table.items() if key not in inner and value is not None}
    if where and (plain or not inner):
        yield ""
        yield f"[{'.'.join(where)}]"
    for key, value in plain.items():
        yield f"{key} = {_value(value)}"
    for key, value in inner.items():
        yield from _lines(value, (*where, key))


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return f'"{"".join(map(_escaped, value))}"'
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise MisuseError(f"{value!r} cannot be written as TOML")


def _escaped(mark: str) -> str:
    if mark in _ESCAPES:
        return _ESCAPES[mark]
    return f"\\u{ord(mark):04x}" if ord(mark) < 0x20 or ord(mark) == 0x7F else mark

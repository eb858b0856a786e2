"""The range of each key of a scenario in words, and the fault of a value that is outside."""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import inspect

from simulations.scenario.values import Scenario

_UNITS = (("_per_s", "per second"), ("_per_day", "per day"), ("_s", "seconds"), ("_bytes", "bytes"), ("days", "days"))
_MOST_SHOWN = 60
_EARLIER_VALUES = {
    ("corruption.placement", "biased"): (
        'is "favoured" now, with the same figures. In MiXiM\'s Fig. 6, after which it was called, mixes weigh more '
        'whether or not they are corrupt: topology.mix_weights = [[6], [], []] and "heaviest"'
    ),
}
"""Values of earlier scenarios that have another name now, and what to write instead."""


def faults(table: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with the keys and values of a scenario read from TOML: unknown keys first.

    Each is one line that names the key and what is allowed there.
    """
    expected = _scenario()
    yield from _unknown_keys(table, expected, ())
    yield from _wrong_values(table, expected, ())


def allowed(key: str) -> str:
    """Return in words what a dotted key may be; raise `KeyError` if no key has that name."""
    expected: inspect.Type = _scenario()
    names = key.split(".")
    for name in names:
        expected = {field.name: field.type for field in _struct(expected).fields}[name]
    return _allowed(expected, names[-1])


def keys() -> Iterator[tuple[str, object]]:
    """Yield every key, dotted, with its default; those of tables that may be absent, such as attacks, as well."""
    yield from _keys(_scenario(), ())


@functools.cache
def _scenario() -> inspect.StructType:
    return _struct(inspect.type_info(Scenario))


def _keys(expected: inspect.StructType, where: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for field in expected.fields:
        inner = _table_type(field.type)
        if inner is not None:
            yield from _keys(inner, (*where, field.name))
        else:
            yield ".".join((*where, field.name)), field.default


def _struct(expected: inspect.Type) -> inspect.StructType:
    found = _table_type(expected)
    if found is None:
        raise KeyError("no table")
    return found


def _table_type(expected: inspect.Type) -> inspect.StructType | None:
    """Return the type of the table that is expected, if one is, or may be."""
    match expected:
        case inspect.StructType():
            return expected
        case inspect.UnionType():
            return next((member for member in expected.types if isinstance(member, inspect.StructType)), None)
        case _:
            return None


def _unknown_keys(table: Mapping[str, object], expected: inspect.StructType, where: tuple[str, ...]) -> Iterator[str]:
    fields = {field.name: field.type for field in expected.fields}
    for key, value in table.items():
        if key in fields:
            inner = _table_type(fields[key])
            if inner is not None and isinstance(value, Mapping):
                yield from _unknown_keys(value, inner, (*where, key))
            continue
        place = f" in [{'.'.join(where)}]" if where else ""
        yield f'unknown key "{_cut(key)}"{place} (allowed: {", ".join(fields)}{_meant(key, fields, where)})'


def _meant(key: str, fields: Mapping[str, inspect.Type], where: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, fields, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    elsewhere = [name for name, _ in keys() if name.rpartition(".")[2] == key]
    if elsewhere:
        return f"; did you mean {' or '.join(elsewhere)}?"
    full = ".".join((*where, key))
    close = difflib.get_close_matches(full, [name for name, _ in keys()], n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def _wrong_values(table: Mapping[str, object], expected: inspect.StructType, where: tuple[str, ...]) -> Iterator[str]:
    for field in expected.fields:
        if field.name not in table:
            continue
        value, inner = table[field.name], _table_type(field.type)
        key = ".".join((*where, field.name))
        if inner is not None and isinstance(value, Mapping):
            yield from _wrong_values(value, inner, (*where, field.name))
        elif inner is not None:
            if value is not None or not _may_be_none(field.type):
                yield f"{key} is {_shown(value)}: must be a table, [{key}]"
        elif isinstance(value, str) and (key, value) in _EARLIER_VALUES:
            yield f"{key} {_shown(value)} {_EARLIER_VALUES[key, value]}"
        elif not _fits(value, field.type):
            yield f"{key} is {_shown(value)}: must be {_allowed(field.type, field.name)}"


def _may_be_none(expected: inspect.Type) -> bool:
    return isinstance(expected, inspect.UnionType) and any(isinstance(t, inspect.NoneType) for t in expected.types)


def _fits(value: object, expected: inspect.Type) -> bool:
    match expected:
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            # True is a whole number in Python, and must not be one in a scenario.
            return isinstance(value, int) and not isinstance(value, bool) and _within(value, expected)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool) and _within(value, expected)
        case inspect.StrType():
            return isinstance(value, str) and (expected.pattern is None or bool(re.fullmatch(expected.pattern, value)))
        case inspect.LiteralType():
            return isinstance(value, str) and value in expected.values
        case inspect.NoneType():
            return value is None
        case inspect.UnionType():
            return any(_fits(value, member) for member in expected.types)
        case inspect.VarTupleType():
            return _is_list(value) and all(_fits(item, expected.item_type) for item in _items(value))
        case inspect.TupleType():
            items = _items(value) if _is_list(value) else ()
            return len(items) == len(expected.item_types) and all(map(_fits, items, expected.item_types))
        case _:
            raise TypeError(f"no scenario key has the type {expected}")


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _within(value: float, limits: inspect.IntType | inspect.FloatType) -> bool:
    # NaN is within no limits and outside of none: comparisons alone would let it pass.
    if value != value or abs(value) == math.inf:
        return False
    return all(
        (
            limits.ge is None or value >= limits.ge,
            limits.gt is None or value > limits.gt,
            limits.le is None or value <= limits.le,
            limits.lt is None or value < limits.lt,
        )
    )


def _allowed(expected: inspect.Type, name: str) -> str:
    match expected:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number {_range(expected)}{_unit(name)}"
        case inspect.FloatType():
            return f"{_range(expected)}{_unit(name)}"
        case inspect.StrType(pattern=None):
            return "text"
        case inspect.StrType():
            return "text of small letters, digits, _, . and -, at most 64 of them, with no mark first"
        case inspect.LiteralType():
            return f"one of {', '.join(str(value) for value in expected.values)}"
        case inspect.UnionType():
            return " or ".join(
                _allowed(member, name) for member in expected.types if not isinstance(member, inspect.NoneType)
            )
        case inspect.VarTupleType():
            return f"a list, each item {_allowed(expected.item_type, name)}"
        case inspect.TupleType():
            return f"[{', '.join(_allowed(item, name) for item in expected.item_types)}]"
        case _:
            raise TypeError(f"no scenario key has the type {expected}")


def _range(limits: inspect.IntType | inspect.FloatType) -> str:
    if limits.ge is not None and limits.le is not None:
        return f"from {_number(limits.ge)} to {_number(limits.le)}"
    low = (
        f"at least {_number(limits.ge)}"
        if limits.ge is not None
        else f"above {_number(limits.gt)}"
        if limits.gt is not None
        else ""
    )
    high = (
        f"at most {_number(limits.le)}"
        if limits.le is not None
        else f"below {_number(limits.lt)}"
        if limits.lt is not None
        else ""
    )
    return " and ".join(filter(None, (low, high))) or "a number"


def _unit(name: str) -> str:
    return next((f" ({unit})" for ending, unit in _UNITS if name.endswith(ending)), "")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{_cut(value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    # Python refuses to write numbers of more than 4,300 digits, with an error of its own.
    if isinstance(value, int) and abs(value) >= 10**_MOST_SHOWN:
        return f"a number of more than {_MOST_SHOWN} digits"
    return _cut(str(value))


def _cut(text: str) -> str:
    clean = "".join(mark if mark.isprintable() else " " for mark in text)
    return clean if len(clean) <= _MOST_SHOWN else f"{clean[: _MOST_SHOWN - 3]}..."

"""Values as TOML has them, whatever they came as."""

from __future__ import annotations

import datetime

from loopixmix.errors import MisuseError


def plain(value: object) -> object:
    """Return a value for a scenario's key in Python's own types: numpy's numbers, dates as text, lists as tuples.

    Raises `MisuseError` for what can be no value of a key.
    """
    match value:
        case None | bool():
            return value
        case int():
            return int(value)
        case float():
            return float(value)  # numpy's float64 is a float, and yet no value of a scenario
        case str():
            return str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return tuple(plain(item) for item in value)
    item = getattr(value, "item", None)
    if not callable(item):
        raise MisuseError(f"{value!r} cannot be a value of a scenario")
    return plain(item())

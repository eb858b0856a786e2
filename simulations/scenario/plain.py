"""Values as TOML has them, whatever they came as."""

from __future__ import annotations

import datetime

from loopixmix.errors import MisuseError


def plain(value: object) -> object:
    """Return a value for a scenario's key in Python's own types: from numpy's, dates as text, lists as tuples.

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
    # numpy's numbers and arrays. Its longest floats have no type of Python, and give themselves.
    to_python = getattr(value, "tolist", None)
    found = to_python() if callable(to_python) else value
    if type(found) is type(value):
        raise MisuseError(f"{value!r} cannot be a value of a scenario")
    return plain(found)

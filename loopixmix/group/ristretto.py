"""The group ristretto255 (RFC 9496), by the best engine there is."""

from __future__ import annotations

from loopixmix.errors import MisuseError
from loopixmix.group.group import Group

ENGINES = ("libsodium",)
"""The names of the engines, the best first."""


def ristretto255(engine: str | None = None) -> Group:
    """Return the group. `engine`: one of `ENGINES`, or `None` for the best that this installation has.

    Raises `MisuseError` for another name.
    """
    if engine not in (None, *ENGINES):
        raise MisuseError(f"there is no engine {engine!r} for ristretto255, only {', '.join(ENGINES)}")
    # Loading libsodium takes a moment and memory.
    from loopixmix.group.libsodium import SodiumGroup

    return SodiumGroup()

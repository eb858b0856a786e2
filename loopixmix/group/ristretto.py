"""The group ristretto255 (RFC 9496), by the best engine that this installation has."""

from __future__ import annotations

from loopixmix.errors import MisuseError
from loopixmix.group.group import Group

NATIVE = "native"
LIBSODIUM = "libsodium"


def engine_names() -> tuple[str, ...]:
    """Return the names of the engines that this installation has, the best first."""
    try:
        import loopixmix._native  # noqa: F401
    except ImportError:
        return (LIBSODIUM,)
    return (NATIVE, LIBSODIUM)


def ristretto255(engine: str | None = None) -> Group:
    """Return the group by the engine of that name, for `None` by the best one.

    Raises `MisuseError` if there is no such engine here, and also if the native one was built from older sources. To go
    on with the slow one then would hide the mistake.
    """
    names = engine_names()
    if engine not in (None, *names):
        raise MisuseError(f'no engine "{engine}" of ristretto255 here (there is: {", ".join(names)})')
    # Imported when it is used: loading libsodium takes a moment and memory.
    if (engine or names[0]) == NATIVE:
        from loopixmix.group.native import NativeGroup

        return NativeGroup()
    from loopixmix.group.libsodium import SodiumGroup

    return SodiumGroup()

"""The `vector` engine: millions of packets as arrays, since a mix that delays each packet alone needs no event loop."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    if name == "ENGINE":
        from simulations.vector.engine import ENGINE  # numpy is slow to import

        return ENGINE
    raise AttributeError(name)

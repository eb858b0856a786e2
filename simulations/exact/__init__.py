"""The engine `exact`: closed forms for a scenario, and where they hold."""

from __future__ import annotations

__all__ = ["ENGINE"]


def __getattr__(name: str) -> object:
    # The formulas are used without an engine as well, and by what the engine is built on.
    if name == "ENGINE":
        from simulations.exact.engine import ENGINE

        return ENGINE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The engine `nodes`: the deployed services in virtual time."""

from __future__ import annotations

from simulations.nodes.engine import ENGINE

__all__ = ["ENGINE"]

"""Attacks, each with its success beside its bound: `run_attacks` those on traces, `on_nodes` those on real nodes."""

from __future__ import annotations

from simulations.attacks.traces import run_attacks

__all__ = ["run_attacks"]

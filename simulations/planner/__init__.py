"""The planner: from what is wanted of a network to its rates, delays, machines and cost."""

from __future__ import annotations

from simulations.planner.conflicts import Infeasible
from simulations.planner.plan import Answer, Plan, make_plan
from simulations.planner.wishes import LatencyKind, Terms, Wishes

__all__ = ["Answer", "Infeasible", "LatencyKind", "Plan", "Terms", "Wishes", "make_plan"]

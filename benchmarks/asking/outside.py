"""Requests a second of a service that is a program of its own."""

from __future__ import annotations

from benchmarks.asking.rates import find_rate
from benchmarks.asking.services import BATCH
from benchmarks.asking.stage import Program, perform, staged
from benchmarks.report import Figure

FIGURES = (
    "requests_remote_per_s",
    "requests_remote_unanswered",
    "requests_remote_wait_p50_ms",
    "requests_remote_cpu_share",
)


def measure() -> list[Figure]:
    """Return the highest rate, and how the provider was at it."""
    found: list[Figure] = []
    with staged([], [Program(BATCH)]) as stage:
        perform(stage, lambda load, document: find_rate(load, document, stage, "requests_remote", found))
    return found

"""Requests a second of a service in the provider's own process."""

from __future__ import annotations

from benchmarks.asking.rates import find_rate
from benchmarks.asking.services import BATCH
from benchmarks.asking.stage import perform, staged
from benchmarks.report import Figure

FIGURES = ("requests_per_s", "requests_unanswered", "requests_wait_p50_ms", "requests_cpu_share")


def measure() -> list[Figure]:
    """Return the highest rate, and how the provider was at it."""
    found: list[Figure] = []
    with staged([BATCH], []) as stage:
        perform(stage, lambda load, document: find_rate(load, document, stage, "requests", found))
    return found

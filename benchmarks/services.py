"""`make bench-services`: the pieces that applications stand on, from requests and stores to the times of pulls."""

from __future__ import annotations

MEASURED_BY = (
    "benchmarks.asking.inside",
    "benchmarks.asking.outside",
    "benchmarks.asking.burning",
    "benchmarks.asking.killed",
    "benchmarks.asking.waiting",
    "benchmarks.reading.restarts",
    "benchmarks.stores",
    "benchmarks.tokens",
    "benchmarks.bulk",
    "benchmarks.lateness",
)

"""`make bench-services`: the pieces that applications stand on: requests, tokens, stores, bulk sends."""

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
)

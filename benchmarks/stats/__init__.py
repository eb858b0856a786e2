"""`make bench-stats`: private statistics, from the report to the estimate."""

from __future__ import annotations

MEASURED_BY = (
    "benchmarks.stats.collecting",
    "benchmarks.stats.columns",
    "benchmarks.stats.account",
    "benchmarks.stats.coverage",
    "benchmarks.stats.fair",
)

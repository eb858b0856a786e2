"""`make bench-stats`: private statistics, from a report's arrival to the answer of a query."""

from __future__ import annotations

MEASURED_BY = ("benchmarks.stats.collecting", "benchmarks.stats.columns")

"""`make bench-services`: the pieces that applications stand on: requests, tokens, stores, bulk sends."""

from __future__ import annotations

MEASURED_BY = ("benchmarks.stores", "benchmarks.tokens", "benchmarks.bulk")

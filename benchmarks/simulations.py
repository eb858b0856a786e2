"""`make bench-simulations`: how fast the engines are, and whether published figures come out again."""

from __future__ import annotations

MEASURED_BY = (
    "benchmarks.exact_engine",
    "benchmarks.vector_engine",
    "benchmarks.nodes_engine",
    "benchmarks.verification",
    "benchmarks.repeating",
)

"""`make bench`: packets, alone, through a whole mix, and through one that is flooded; and what strangers cost."""

from __future__ import annotations

MEASURED_BY = ("benchmarks.sphinx_speed", "benchmarks.relay", "benchmarks.overload", "benchmarks.strangers")

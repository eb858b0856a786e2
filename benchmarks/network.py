"""`make bench`: packets, alone and through a whole mix."""

from __future__ import annotations

MEASURED_BY = ("benchmarks.sphinx_speed", "benchmarks.relay")

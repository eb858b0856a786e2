"""`make bench-votes`: elections, from the shuffle to the count."""

from __future__ import annotations

MEASURED_BY = ("benchmarks.voting.shuffles", "benchmarks.voting.tallies", "benchmarks.voting.casting")

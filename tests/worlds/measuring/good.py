"""Finds all its figures."""

from __future__ import annotations

from benchmarks.report import Figure, barred

FIGURES = ("apples", "pears")


def measure() -> list[Figure]:
    return [
        Figure(name="apples", value=3.0, unit="apples"),
        barred("pears", 2.0, "pears", bar=1.0, better="higher", reference=4.0),
    ]

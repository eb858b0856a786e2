"""Finds one figure, and fails before the next two."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report import Figure

FIGURES = ("plums", "cherries", "grapes")


def measure() -> Iterator[Figure]:
    yield Figure(name="plums", value=7.0, unit="plums")
    raise RuntimeError("there are no cherries")

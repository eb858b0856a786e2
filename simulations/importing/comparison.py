"""Measured, simulated and theory side by side: one row for each measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulations.importing.measurement import Measurement
from simulations.measures.catalogue import unit_of
from simulations.measures.replicates import Estimate

if TYPE_CHECKING:
    from simulations.results.result import Result


@dataclass(frozen=True)
class ComparisonRow:
    """One measure; `theory` is None if the closed forms say nothing of it."""

    measure: str
    unit: str
    measured: Estimate
    simulated: Estimate
    theory: float | None

    @property
    def difference(self) -> float:
        """Measured less simulated, as a share of what was simulated; nan if that is 0."""
        expected = self.simulated.mean
        return (self.measured.mean - expected) / expected if expected else float("nan")


def comparison(measurement: Measurement, result: Result) -> list[ComparisonRow]:
    """Return a row for each measure that was both measured and simulated, in the catalogue's order."""
    return list(_rows(measurement, result))


def _rows(measurement: Measurement, result: Result) -> Iterator[ComparisonRow]:
    theory = result.theory[0].figures if 0 in result.theory else {}
    for measure in result.measures:
        measured = measurement.estimate(measure)
        if measured is not None:
            unit = unit_of(measure)
            yield ComparisonRow(measure, unit, measured, result.estimate(measure), theory.get(measure))

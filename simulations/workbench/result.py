"""What a run gave, for notebooks and plots: tables, estimates, and the folder that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loopixmix.errors import MisuseError
from simulations.measures.replicates import Estimate, estimate
from simulations.outcome import Outcome
from simulations.scenario import Scenario
from simulations.workbench.manifest import Manifest
from simulations.workbench.sweep import Point
from simulations.workbench.tables import distributions_table, figures_of, in_order, replicates_table, summary_table
from simulations.workbench.tasks import Record

if TYPE_CHECKING:
    import pandas as pd


class Result:
    """The outcomes of all replicates of all points of one run.

    `points`: the scenarios of the sweep; `records`: outcomes, by point and then replicate; `theory`: what the `exact`
    engine says of each point where it says something; `manifest`: what made them.
    """

    def __init__(
        self,
        *,
        manifest: Manifest,
        points: Sequence[Point],
        records: Sequence[Record],
        theory: Mapping[int, Outcome],
    ) -> None:
        """Take the parts; `simulations.run` and `Result.load` make results."""
        self.manifest = manifest
        self.points = tuple(points)
        self.records = tuple(sorted(records, key=lambda record: (record.point, record.replicate)))
        self.theory = dict(theory)

    @property
    def scenario(self) -> Scenario:
        """The scenario as run, before the swept keys."""
        return self.manifest.scenario

    @property
    def engine(self) -> str:
        """The engine that ran it."""
        return self.manifest.engine

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know to trust the figures."""
        return tuple(note.text for note in self.manifest.notes)

    @property
    def measures(self) -> tuple[str, ...]:
        """What was measured, in the order of the catalogue."""
        return tuple(in_order(name for record in self.records for name in record.outcome.figures))

    def estimate(self, measure: str, *, point: int = 0) -> Estimate:
        """Return mean, spread and interval of a measure at a point; raise `MisuseError` where it was not measured."""
        if not 0 <= point < len(self.points):
            raise MisuseError(f"there is no point {point}: there are {len(self.points)}, from 0")
        for found, figures, _ in figures_of(self.points[point : point + 1], self.records):
            if measure in figures:
                return estimate(figures[measure])
            raise MisuseError(f'"{measure}" was not measured at point {found.number} (there is: {", ".join(figures)})')
        raise MisuseError("nothing was measured")

    def to_dataframe(self) -> pd.DataFrame:
        """Return all figures, tidy: one row for each point, replicate and measure; swept keys are columns."""
        return replicates_table(self.points, self.records)

    def summary(self) -> pd.DataFrame:
        """Return one row for each point and measure: mean, 95 % t-interval, quantiles over replicates, and theory."""
        return summary_table(self.points, self.records, self.theory)

    def distributions(self) -> pd.DataFrame:
        """Return the quantiles of all distributions: one row for each point, replicate, measure and probability."""
        return distributions_table(self.points, self.records, self.theory)

    @classmethod
    def load(cls, path: Path | str) -> Result:
        """Return the result that a folder keeps; raise `MisuseError` where it keeps none or an unfinished one."""
        from simulations.workbench.folder import load_result

        return load_result(Path(path))

    def __repr__(self) -> str:
        """Say what it is in one line."""
        swept = f", {len(self.points)} points" if len(self.points) > 1 else ""
        return f"<Result of {self.scenario.name} by {self.engine}{swept}, {self.manifest.replicates} replicates>"

    def _repr_html_(self) -> str:
        from simulations.workbench.shown import as_html

        return as_html(self)

"""The result of a run, for notebooks and plots: what was found, as tables and estimates, and how to load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loopixmix.errors import MisuseError
from simulations.measures.replicates import Estimate, estimate
from simulations.results.archive import read_findings
from simulations.results.display import as_html
from simulations.results.findings import Findings
from simulations.results.tables import distributions_table, figures_of, replicates_table, summary_table

if TYPE_CHECKING:
    import pandas as pd


class Result(Findings):
    """The findings of one run (see `Findings` for its parts); `simulations.run` and `Result.load` make results."""

    def estimate(self, measure: str, *, point: int = 0) -> Estimate:
        """Return mean, spread and interval of a measure at a point; raise `MisuseError` if it was not measured."""
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
        """Return the finished result that a folder keeps, as the run wrote it.

        Raises `MisuseError`, which names the file and the cure, if there is none, or a file changed since or is gone.
        """
        found = read_findings(Path(path))
        return cls(manifest=found.manifest, points=found.points, records=found.records, theory=found.theory)

    def __repr__(self) -> str:
        """Say what it is in one line."""
        swept = f", {len(self.points)} points" if len(self.points) > 1 else ""
        return f"<Result of {self.scenario.name} by {self.engine}{swept}, {self.manifest.replicates} replicates>"

    def _repr_html_(self) -> str:
        return as_html(self)

"""The findings of a run, as values: the outcomes of its tasks and the manifest of what made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulations.outcome import Outcome
from simulations.results.manifest import Manifest
from simulations.results.tables import in_order
from simulations.scenario import Scenario
from simulations.sweep.points import Point
from simulations.sweep.tasks import Record


class Findings:
    """The outcomes of all replicates of all points of one run.

    `points`: the scenarios of the sweep; `records`: outcomes, by point and then replicate; `theory`: the figures of the
    `exact` engine for each point for which it has some; `manifest`: what made them.
    """

    def __init__(
        self,
        *,
        manifest: Manifest,
        points: Sequence[Point],
        records: Sequence[Record],
        theory: Mapping[int, Outcome],
    ) -> None:
        """Keep the parts; `records` may come in any order, `theory` is by the number of the point."""
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
        """The notes that a reader must know to trust the figures."""
        return tuple(note.text for note in self.manifest.notes)

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures, in the order of the catalogue."""
        return tuple(in_order(name for record in self.records for name in record.outcome.figures))

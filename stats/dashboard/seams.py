"""What the dashboard asks of the collector whose program serves it. All of it may wait for a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stats.central.budget import DataSpending
from stats.central.datasets import DataSetStanding, NoisyAnswer
from stats.columns.seams import SheetTable
from stats.questionnaire.questionnaire import Mode, PersonKind, Questionnaire

ID_DIGITS = 16
"""So many hexadecimal digits of a survey id name it in addresses, as they do in the names of tables."""


@dataclass(frozen=True)
class ShownSurvey:
    """A frozen survey with the tables of its sheets. `closed_s`: when it was closed, if before its time."""

    survey_id: bytes
    questionnaire: Questionnaire
    tables: tuple[SheetTable, ...]
    closed_s: int | None = None

    @property
    def short_id(self) -> str:
        """Return how it is named in addresses."""
        return self.survey_id.hex()[:ID_DIGITS]

    @property
    def closes_s(self) -> int:
        """Return from when on nobody answers, in Unix seconds."""
        planned_s = self.questionnaire.draft.closes_s
        return planned_s if self.closed_s is None else min(planned_s, self.closed_s)

    @property
    def is_central(self) -> bool:
        """Tell whether only noisy questions reach its data."""
        return self.questionnaire.draft.privacy.mode is Mode.CENTRAL

    @property
    def is_open(self) -> bool:
        """Tell whether anybody may answer, as often as they like."""
        return self.questionnaire.draft.persons.kind is PersonKind.OPEN

    @property
    def period_count(self) -> int:
        """How many periods it has."""
        periods = self.questionnaire.draft.periods
        return 1 if periods is None else periods.count

    def begins_s(self, period: int) -> int:
        """Return when a period begins, in Unix seconds."""
        draft = self.questionnaire.draft
        return draft.opens_s + (0 if draft.periods is None else period * draft.periods.length_s)


class CentralData(Protocol):
    """The data sets of a collector with central noise."""

    def all(self) -> list[DataSetStanding]:
        """Return all data sets by their names."""

    def find(self, name: str) -> DataSetStanding:
        """Return a data set; raise `MisuseError` if there is none of this name."""

    def ask(self, data_set: str, sql: str, analyst: str, eps: str | None = None) -> NoisyAnswer:
        """Answer a question, and charge its price before; see `stats.central.datasets.DataSets.ask`."""

    def spendings(self, name: str, most: int) -> list[DataSpending]:
        """Return the newest spendings on a data set, the newest first."""


class CollectorView(Protocol):
    """The collector, as those who look see it."""

    def surveys(self) -> Sequence[ShownSurvey]:
        """Return all surveys that it collects or collected, the newest first."""

    def refusals(self) -> Mapping[str, int]:
        """Return how many reports were refused, by reason."""

    def discarded(self, survey: ShownSurvey) -> Mapping[tuple[int, int], int]:
        """Return how many reports were too few to be released, by sheet and period that are over."""

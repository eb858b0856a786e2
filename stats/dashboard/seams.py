"""What the dashboard asks of the collector whose program serves it. All of it may wait for a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stats.columns.seams import SheetTable
from stats.questionnaire.questionnaire import Mode, PersonKind, Questionnaire

ID_DIGITS = 16
"""So many hexadecimal digits of a survey id name it in addresses, as they do in the names of tables."""


@dataclass(frozen=True)
class ShownSurvey:
    """A frozen survey with the tables of its sheets."""

    survey_id: bytes
    questionnaire: Questionnaire
    tables: tuple[SheetTable, ...]

    @property
    def short_id(self) -> str:
        """Return how it is named in addresses."""
        return self.survey_id.hex()[:ID_DIGITS]

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


class CollectorView(Protocol):
    """The collector, as those who look see it."""

    def surveys(self) -> Sequence[ShownSurvey]:
        """Return all surveys that it collects or collected, the newest first."""

    def refusals(self) -> Mapping[str, int]:
        """Return how many reports were refused, by reason."""

    def discarded(self, survey: ShownSurvey) -> Mapping[tuple[int, int], int]:
        """Return how many reports were too few to be released, by sheet and period that are over."""

"""The collector as those who look see it; see `stats.dashboard.seams.CollectorView`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stats.collect.survey import CollectedSurvey
from stats.dashboard.seams import ShownSurvey
from stats.questionnaire.questionnaire import decode_questionnaire
from stats.running.wiring import CollectorParts


class StoredView:
    """What the collector's store tells. Any thread may ask."""

    def __init__(self, parts: CollectorParts) -> None:
        """`parts`: of the collector in the same program."""
        self._ledger = parts.ledger
        self._shown: dict[int, ShownSurvey] = {}

    def surveys(self) -> Sequence[ShownSurvey]:
        """Return all surveys that it collects or collected, the newest first."""
        # By the store and not by the collector, which only its own thread may walk through.
        for kept in self._ledger.surveys(after=max(self._shown, default=0)):
            self._shown[kept.number] = _shown(CollectedSurvey(decode_questionnaire(kept.questionnaire)))
        standing = self._ledger.standing()
        return [
            replace(self._shown[number], closed_s=standing[number].closed_s)
            for number in sorted(self._shown, reverse=True)
        ]

    def refusals(self) -> Mapping[str, int]:
        """Return how many reports were refused, by reason."""
        counted: Counter[str] = Counter()
        for (_, reason), amount in self._ledger.refusals().items():
            counted[reason.value] += amount
        return counted

    def discarded(self, survey: ShownSurvey) -> Mapping[tuple[int, int], int]:
        """Return how many reports were too few to be released, by sheet and period that are over."""
        numbers = {shown.survey_id: number for number, shown in tuple(self._shown.items())}
        number = numbers.get(survey.survey_id)
        return {} if number is None else self._ledger.discarded(number)


def _shown(survey: CollectedSurvey) -> ShownSurvey:
    tables = tuple(survey.table(sheet) for sheet in survey.sheets)
    return ShownSurvey(survey.survey_id, survey.questionnaire, tables)

"""What an answer to a survey gives away, from the batches that were really released."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from stats.account.composing import PrivacyLoss, over_periods
from stats.account.shuffling import Amplified, Company, amplified, honest_reports
from stats.dashboard.results import SheetProgress
from stats.dashboard.seams import ShownSurvey
from stats.questionnaire.promises import blanket_domain
from stats.questionnaire.questionnaire import Sheet
from stats.randomise.specified import mechanism_of

HONEST_MIXES = 1
"""So many mixes on the way of a report are assumed not to work with the others."""


@dataclass(frozen=True)
class SheetPrivacy:
    """The losses of one person by the report of one sheet."""

    sheet: int
    questions: tuple[str, ...]
    eps0: float
    """If all mixes work together with the collector."""
    smallest_batch: int
    """The fewest reports that were released together; 0 if none were."""
    honest: int
    """How many of these hide the others, if an attacker sent the assumed share."""
    loss: Amplified | None
    """If one mix is honest; None before the first batch, and if anybody may answer as often as they like."""


@dataclass(frozen=True)
class SurveyPrivacy:
    """The losses of one person by all reports of a period, with what is assumed."""

    sheets: tuple[SheetPrivacy, ...]
    delta: float
    """Of all sheets together."""
    sybil_share: float
    promised_eps: float
    periods: int = 1
    """So many periods the survey has. The other figures are of one."""
    is_open: bool = False
    """Anybody may answer as often as they like: nobody knows how many reports hide others, so that there is no eps."""

    @property
    def eps0(self) -> float:
        """The sum over the sheets, if all mixes work together."""
        return math.fsum(sheet.eps0 for sheet in self.sheets)

    @property
    def eps(self) -> float | None:
        """The sum over the sheets, if one mix is honest; None before every sheet had a batch."""
        losses = [sheet.loss.best for sheet in self.sheets if sheet.loss is not None]
        return math.fsum(losses) if len(losses) == len(self.sheets) else None

    @property
    def all_periods(self) -> PrivacyLoss:
        """The loss over all periods of somebody who gives the same answers in each of them."""
        eps = self.eps0 if self.eps is None else self.eps
        once = PrivacyLoss(eps, self.delta)
        return over_periods(once, self.eps0, self.periods, permanent=True, spare_delta=self.delta)


def survey_privacy(survey: ShownSurvey, progress: Sequence[SheetProgress]) -> SurveyPrivacy:
    """Return what a person who answers gives away. It may take seconds the first time."""
    goal = survey.questionnaire.draft.privacy
    sybil_share = Fraction(goal.sybil_share)
    # The deltas of the sheets add up to that of the survey.
    delta = float(Fraction(goal.delta) / len(survey.questionnaire.sheets))
    sheets = tuple(
        _sheet_privacy(sheet, each, sybil_share, delta, is_open=survey.is_open)
        for sheet, each in zip(survey.questionnaire.sheets, progress, strict=True)
    )
    return SurveyPrivacy(
        sheets,
        float(Fraction(goal.delta)),
        float(sybil_share),
        float(Fraction(goal.eps)),
        survey.period_count,
        survey.is_open,
    )


def _sheet_privacy(
    sheet: Sheet, progress: SheetProgress, sybil_share: Fraction, delta: float, *, is_open: bool
) -> SheetPrivacy:
    eps0 = math.fsum(mechanism_of(spec).eps0 for spec in sheet.mechanisms)
    smallest = min((batch.reports for batch in progress.batches), default=0)
    honest = honest_reports(smallest, sybil_share)
    is_known = smallest > 0 and not is_open and math.isfinite(eps0)
    loss = amplified(eps0, Company(honest, delta), blanket_domain(sheet.mechanisms)) if is_known else None
    return SheetPrivacy(progress.sheet, sheet.questions, eps0, smallest, honest, loss)

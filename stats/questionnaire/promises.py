"""What a survey promises, shared out among its sheets, and whether a sheet keeps its share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stats.account.shuffling import MOST_EPS0, Company, honest_reports, keeps_promise
from stats.questionnaire.odds import exp_below, loss_of
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec, SurveyDraft, Travel
from stats.questionnaire.questions import AnyQuestion

PURPOSE_DIGITS = 16
_TOLERANCE = 1e-6
"""By which share of eps the arithmetic of two machines may differ."""


@dataclass(frozen=True)
class SheetPromise:
    """The share of a sheet. The losses of a person add up over sheets, and each sheet has the same share."""

    eps: Fraction
    eps0_most: Fraction
    company: Company

    def is_kept_by(self, mechanisms: Sequence[MechanismSpec]) -> bool:
        """Tell whether the amplified loss of these mechanisms together is within the share of the sheet."""
        total = math.fsum(loss_of(spec.true_weight, spec.false_weight) for spec in mechanisms)
        # Rounded up, the loss of the largest weights may be just over the most that there is.
        total = min(total, MOST_EPS0)
        return keeps_promise(total, float(self.eps) * (1 + _TOLERANCE), self.company, blanket_domain(mechanisms))

    def is_capped_by(self, mechanisms: Sequence[MechanismSpec]) -> bool:
        """Tell whether the local losses together are at most `eps0_most`, exactly."""
        quotient = math.prod((Fraction(spec.true_weight, spec.false_weight) for spec in mechanisms), start=Fraction(1))
        return quotient <= exp_below(self.eps0_most)


def promise_of(draft: SurveyDraft) -> SheetPromise:
    """Return the promise of each sheet of a draft."""
    goal, sheets = draft.privacy, len(sheet_questions(draft))
    honest = honest_reports(draft.batching.threshold, Fraction(goal.sybil_share))
    company = Company(honest, float(Fraction(goal.delta) / sheets))
    return SheetPromise(Fraction(goal.eps) / sheets, Fraction(goal.eps0_most), company)


def sheet_questions(draft: SurveyDraft) -> tuple[tuple[AnyQuestion, ...], ...]:
    """Return the questions of each sheet."""
    if draft.travel is Travel.TOGETHER:
        return (draft.questions,)
    return tuple((question,) for question in draft.questions)


def purpose_of(draft: SurveyDraft, sheet: int) -> str:
    """Return the purpose of the tokens of a sheet."""
    return f"stats-{draft.draft_id.hex()[:PURPOSE_DIGITS]}-{sheet}"


def blanket_domain(mechanisms: Sequence[MechanismSpec]) -> int | None:
    """Return how many values the privacy blanket of a report has; None if only the general bounds hold for it.

    It is k for `krr`, 2 for `hadamard` and `sampled-bit` (`stats.account.blanket`). Several answers together have none.
    """
    if len(mechanisms) != 1:
        return None
    match mechanisms[0].kind:
        case MechanismKind.KRR:
            return mechanisms[0].domain
        case MechanismKind.HADAMARD | MechanismKind.SAMPLED_BIT:
            return 2
        case _:
            return None


def period_count(draft: SurveyDraft) -> int:
    """Return how many periods a survey has."""
    return 1 if draft.periods is None else draft.periods.count


def period_span(draft: SurveyDraft, period: int) -> tuple[int, int]:
    """Return begin and end of a period, in Unix seconds; the end is not in it."""
    if draft.periods is None:
        return draft.opens_s, draft.closes_s
    begins_s = draft.opens_s + period * draft.periods.length_s
    return begins_s, begins_s + draft.periods.length_s


def period_spans(draft: SurveyDraft) -> Iterator[tuple[int, int]]:
    """Yield the span of each period."""
    for period in range(period_count(draft)):
        yield period_span(draft, period)

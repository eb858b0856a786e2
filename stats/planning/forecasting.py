"""How wide the intervals of a survey will be, and what it gives away, before anybody answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stats.account.composing import PrivacyLoss, over_periods
from stats.account.shuffling import Company, amplified, honest_reports
from stats.estimate.binomial import wilson
from stats.questionnaire.odds import loss_of
from stats.questionnaire.promises import blanket_domain, period_count, promise_of
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec, Sheet, SurveyDraft
from stats.randomise.specified import mechanism_of

ANSWERS = (100, 1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class QuestionForecast:
    """What is to be expected of one question."""

    question: str
    mechanism: MechanismSpec
    eps0: float
    margins: tuple[float, ...]
    """For each number of `ANSWERS`: half of the width of the 95 % interval of a share, at its widest; at most 1."""


@dataclass(frozen=True)
class SheetForecast:
    """What is to be expected of one kind of report."""

    questions: tuple[QuestionForecast, ...]
    eps0: float
    """If all mixes work together; infinite if true answers are sent."""
    eps: tuple[float, ...]
    """The amplified loss, for each number of `ANSWERS` if so many are released together."""
    eps_at_threshold: float
    """The same for the smallest batch: what is promised."""


def forecast(
    draft: SurveyDraft, sheets: Sequence[Sheet], answers: Sequence[int] = ANSWERS
) -> tuple[SheetForecast, ...]:
    """Return what is to be expected of each sheet of a sound draft that was compiled to `sheets`.

    `answers`: for so many answers, instead of `ANSWERS`.
    """
    return tuple(_sheet(draft, sheet, answers) for sheet in sheets)


def over_all_periods(draft: SurveyDraft, forecasts: Sequence[SheetForecast]) -> PrivacyLoss:
    """Return what a person loses who answers in all periods, if one mix is honest."""
    delta = float(Fraction(draft.privacy.delta))
    loss = PrivacyLoss(math.fsum(sheet.eps_at_threshold for sheet in forecasts), delta)
    eps0 = math.fsum(sheet.eps0 for sheet in forecasts)
    permanent = all(question.again for question in draft.questions)
    return over_periods(loss, eps0, period_count(draft), permanent=permanent, spare_delta=delta)


def margin(spec: MechanismSpec, answers: int) -> float:
    """Return half of the width of the 95 % interval of a share, at the share for which it is widest; at most 1."""
    mechanism = mechanism_of(spec)
    p, q = float(mechanism.supports.p), float(mechanism.supports.q)
    # Of a multiple choice, each report tells of one option.
    told = answers // (spec.domain.bit_length() - 1) if spec.kind is MechanismKind.SAMPLED_BIT else answers
    if told == 0:
        return 1.0
    supported = round(told * min(max(0.5, q), p))
    low, high = wilson(np.array([supported]), np.array([told]))
    return min(1.0, float(high[0] - low[0]) / (p - q) / 2)


def _sheet(draft: SurveyDraft, sheet: Sheet, answers: Sequence[int]) -> SheetForecast:
    questions = tuple(_question(*pair, answers) for pair in zip(sheet.questions, sheet.mechanisms, strict=True))
    eps0 = math.fsum(question.eps0 for question in questions)
    if math.isinf(eps0):
        return SheetForecast(questions, eps0, (eps0,) * len(answers), eps0)
    share, delta, blanket = (
        Fraction(draft.privacy.sybil_share),
        promise_of(draft).company.delta,
        blanket_domain(sheet.mechanisms),
    )
    sizes = (*answers, draft.batching.threshold)
    *eps, at_threshold = (amplified(eps0, Company(honest_reports(n, share), delta), blanket).best for n in sizes)
    return SheetForecast(questions, eps0, tuple(eps), at_threshold)


def _question(name: str, spec: MechanismSpec, answers: Sequence[int]) -> QuestionForecast:
    sent_as_it_is = spec.kind is MechanismKind.NONE
    eps0 = math.inf if sent_as_it_is else loss_of(spec.true_weight, spec.false_weight)
    return QuestionForecast(name, spec, eps0, tuple(margin(spec, count) for count in answers))

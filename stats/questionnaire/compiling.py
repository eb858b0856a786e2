"""A draft becomes sheets: which mechanism each question has, as integers, before anybody answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from loopixmix.errors import MisuseError
from stats.account.shuffling import largest_eps0
from stats.questionnaire.domains import domain_of
from stats.questionnaire.drafts import draft_faults
from stats.questionnaire.odds import weights_for
from stats.questionnaire.promises import SheetPromise, promise_of, purpose_of, sheet_questions
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec, Mode, Sheet, SurveyDraft
from stats.questionnaire.questions import AnyQuestion, MultipleChoice

MOST_UNARY = 62
"""Values that unary encoding can have."""
_SMALLER = Fraction(9999, 10_000)
"""By which a local loss is lowered, if the groups of the accountant leave it a little above the promise."""


def compile_draft(draft: SurveyDraft) -> tuple[Sheet, ...]:
    """Return the sheets of a draft; raise `MisuseError` if it has a fault, or promises what leaves nothing to learn."""
    for fault in draft_faults(draft):
        raise MisuseError(fault)
    return tuple(
        Sheet(
            purpose=purpose_of(draft, number),
            questions=tuple(question.name for question in questions),
            mechanisms=_mechanisms(draft, questions),
        )
        for number, questions in enumerate(sheet_questions(draft))
    )


def _mechanisms(draft: SurveyDraft, questions: Sequence[AnyQuestion]) -> tuple[MechanismSpec, ...]:
    if draft.privacy.mode is Mode.CENTRAL:
        return tuple(_specified(MechanismKind.NONE, question, (1, 0)) for question in questions)
    promise = promise_of(draft)
    if len(questions) == 1:
        return (_alone(questions[0], promise),)
    return _together(questions, promise)


def _alone(question: AnyQuestion, promise: SheetPromise) -> MechanismSpec:
    """Choose the mechanism of the only question of a sheet: each has the local loss that its own bound allows."""
    if isinstance(question, MultipleChoice):
        return _fitted(MechanismKind.SAMPLED_BIT, question, promise, _largest(promise, 2))
    domain = domain_of(question)
    eps0 = _largest(promise, domain)
    if _is_small(domain, eps0):
        return _fitted(MechanismKind.KRR, question, promise, eps0)
    hadamard, unary = _largest(promise, 2), _largest(promise, None)
    if domain <= MOST_UNARY and _unary_variance(unary) < _hadamard_variance(hadamard):
        return _fitted(MechanismKind.UNARY, question, promise, unary)
    return _fitted(MechanismKind.HADAMARD, question, promise, hadamard)


def _together(questions: Sequence[AnyQuestion], promise: SheetPromise) -> tuple[MechanismSpec, ...]:
    """Choose the mechanisms of the questions of one sheet: all have the same share of its local loss."""
    share = _largest(promise, None) / len(questions)
    while True:
        weights = weights_for(share)
        found = tuple(_specified(_kind_at(question, float(share)), question, weights) for question in questions)
        if promise.is_kept_by(found) and promise.is_capped_by(found):
            return found
        share *= _SMALLER


def _kind_at(question: AnyQuestion, eps0: float) -> MechanismKind:
    if isinstance(question, MultipleChoice):
        return MechanismKind.SAMPLED_BIT
    domain = domain_of(question)
    if _is_small(domain, Fraction(eps0)):
        return MechanismKind.KRR
    return MechanismKind.UNARY if domain <= MOST_UNARY else MechanismKind.HADAMARD


def _fitted(kind: MechanismKind, question: AnyQuestion, promise: SheetPromise, eps0: Fraction) -> MechanismSpec:
    """Return a mechanism with integers that keep the promise; eps0 is where to begin."""
    while True:
        spec = _specified(kind, question, weights_for(eps0))
        if promise.is_kept_by((spec,)) and promise.is_capped_by((spec,)):
            return spec
        eps0 *= _SMALLER


def _specified(kind: MechanismKind, question: AnyQuestion, weights: tuple[int, int]) -> MechanismSpec:
    return MechanismSpec(kind=kind, domain=domain_of(question), true_weight=weights[0], false_weight=weights[1])


def _largest(promise: SheetPromise, blanket: int | None) -> Fraction:
    eps0 = largest_eps0(float(promise.eps), promise.company, float(promise.eps0_most), blanket)
    return min(Fraction(eps0), promise.eps0_most)


def _is_small(domain: int, eps0: Fraction) -> bool:
    """Tell whether k-ary randomised response is the better one (Wang and others 2017, section 5)."""
    return domain < 3 * math.exp(eps0) + 2


def _unary_variance(eps0: Fraction) -> float:
    """Return n times the variance of the estimate of a rare value (Wang and others 2017, section 4.2)."""
    return 4 * math.exp(eps0) / math.expm1(eps0) ** 2


def _hadamard_variance(eps0: Fraction) -> float:
    """Return the same for Hadamard response (Acharya, Sun, Zhang 2019)."""
    return (math.exp(eps0) + 1) ** 2 / math.expm1(eps0) ** 2

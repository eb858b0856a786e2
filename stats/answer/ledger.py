"""The budget of a person's own privacy over all surveys: what was lost so far, and whether one more is too much.

Losses are whole millionths of an epsilon, rounded up, so that sums are exact. Two are counted (docs/protocol/stats.md):
`eps0`, if all mixes work together, and `eps`, the promise of the survey if one mix is honest. Within a survey `eps` is
never more than `eps0`: whoever sees less does not learn more.

A permanent response is drawn once, and costs `eps0` once, however often it is sent. But in a second period it costs
that against everybody. The promise of a period is about draws of that period: the same report in two sets of reports,
whose other people are not the same, may stand out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from loopixmix.errors import MisuseError

MILLION = 1_000_000
DAY_S = 86_400
_MOST = 10**15


class BudgetSpentError(MisuseError):
    """Answering this would cost more privacy than you allow."""


@dataclass(frozen=True)
class PrivacyLimits:
    """What a person allows to be lost in any `days` days, in millionths of an epsilon.

    `trusts_collectors`: whether true answers may leave, for surveys whose noise is added by the collector.
    """

    eps: int = 10 * MILLION
    eps0: int = 200 * MILLION
    days: int = 365
    trusts_collectors: bool = False


@dataclass(frozen=True)
class KeptLoss:
    """What one survey costs in one period, in millionths of an epsilon.

    `eps`: its promise. `eps0`: None if true answers were sent. `again`: the part of it that permanent responses have.
    """

    survey_id: bytes
    period: int
    title: str
    eps: int
    eps0: int | None
    again: int
    at_s: float


@dataclass(frozen=True)
class Spending:
    """What is spent of the limits. `raw`: how many surveys got true answers, which no `eps0` bounds."""

    eps: int
    eps0: int
    raw: int


def millionths(eps: Decimal | float) -> int:
    """Return `eps` in whole millionths, rounded up; raise `MisuseError` if it is negative, too large or no number."""
    exact = Decimal(eps)
    if not exact.is_finite() or not 0 <= exact * MILLION <= _MOST:
        raise MisuseError(f"a privacy loss is a number from 0 to {_MOST // MILLION}, not {eps}")
    return math.ceil(exact * MILLION)


def loss_of(text: str) -> int:
    """Return a loss that was written as a number, in millionths; raise `MisuseError` for anything else."""
    try:
        return millionths(Decimal(text))
    except InvalidOperation as error:
        raise MisuseError(f"a privacy loss is a number such as 1.5, not {text[:20]!r}") from error


def shown_loss(loss: int) -> str:
    """Return a loss as a person reads it, rounded up to hundredths."""
    return f"{math.ceil(loss / 10_000) / 100:.2f}".removesuffix("0").removesuffix(".0")


def spent(losses: Iterable[KeptLoss], limits: PrivacyLimits, now_s: float) -> Spending:
    """Return what was spent in the days of the limits up to now.

    Of a survey in which somebody answered in these days, permanent responses of older periods count for `eps`, too.
    """
    by_survey: dict[bytes, list[KeptLoss]] = {}
    for loss in losses:
        by_survey.setdefault(loss.survey_id, []).append(loss)
    since_s = now_s - limits.days * DAY_S
    eps = eps0 = raw = 0
    for survey in by_survey.values():
        counted = [loss for loss in survey if loss.at_s > since_s]
        eps += _eps(survey, counted)
        eps0 += sum(loss.eps0 for loss in counted if loss.eps0 is not None)
        raw += any(loss.eps0 is None for loss in counted)
    return Spending(eps, eps0, raw)


def check_budget(losses: Iterable[KeptLoss], added: KeptLoss, limits: PrivacyLimits) -> None:
    """Raise `BudgetSpentError` if `added` makes the losses of the days before it more than the limits allow."""
    if added.eps0 is None and not limits.trusts_collectors:
        raise BudgetSpentError(
            "this survey takes true answers, which its collector can read; only if you trust it, allow that first: "
            "loopixmix stats answer budget --trust-collectors"
        )
    after = spent([*losses, added], limits, added.at_s)
    for name, sum_after, limit in (("eps", after.eps, limits.eps), ("eps0", after.eps0, limits.eps0)):
        if sum_after > limit:
            raise BudgetSpentError(
                f"with this survey, {name} = {shown_loss(sum_after)} of privacy would be lost within {limits.days} "
                f"days; you allow {shown_loss(limit)}. Wait, or allow more: loopixmix stats answer budget --help"
            )


def _eps(survey: Sequence[KeptLoss], counted: Sequence[KeptLoss]) -> int:
    """Return what a survey cost in the periods that count, if one mix is honest."""
    if not counted:
        return 0
    promised = sum(loss.eps for loss in counted)
    if len({loss.period for loss in survey}) > 1:
        promised += sum(loss.again for loss in survey)
    if any(loss.eps0 is None for loss in survey):
        return promised
    return min(promised, sum(loss.eps0 for loss in survey if loss.eps0 is not None))

"""The budget of a person's own privacy over all surveys: what was lost so far, and whether one more is too much.

Losses are whole millionths of an epsilon, rounded up, so that sums are exact. Two are counted (docs/protocol/stats.md):
`eps0`, if all mixes work together, and `eps`, the promise of the survey if one mix is honest. Within a survey `eps` is
never more than `eps0`: whoever sees less does not learn more. That matters for permanent responses, which are drawn
once and cost `eps0` once, however often they are sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

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
    """What one survey costs in one period, in millionths of an epsilon. `eps0` is None if true answers were sent."""

    survey_id: bytes
    period: int
    title: str
    eps: int
    eps0: int | None
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


def shown_loss(loss: int) -> str:
    """Return a loss as a person reads it, rounded up to hundredths."""
    return f"{math.ceil(loss / 10_000) / 100:.2f}".removesuffix("0").removesuffix(".0")


def spent(losses: Iterable[KeptLoss], limits: PrivacyLimits, now_s: float) -> Spending:
    """Return what was spent in the days of the limits up to now.

    The bound of `eps` by `eps0` takes all periods of a survey, also older ones: permanent responses come from them.
    """
    everything = list(losses)
    counted = [loss for loss in everything if loss.at_s > now_s - limits.days * DAY_S]
    whole = _eps0_by_survey(everything)
    promised: dict[bytes, int] = {}
    for loss in counted:
        promised[loss.survey_id] = promised.get(loss.survey_id, 0) + loss.eps
    eps = sum(_least(loss, whole[survey_id]) for survey_id, loss in promised.items())
    eps0 = sum(loss.eps0 for loss in counted if loss.eps0 is not None)
    return Spending(eps, eps0, len({loss.survey_id for loss in counted if loss.eps0 is None}))


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


def _eps0_by_survey(losses: Iterable[KeptLoss]) -> Mapping[bytes, int | None]:
    found: dict[bytes, int | None] = {}
    for loss in losses:
        before = found.get(loss.survey_id, 0)
        found[loss.survey_id] = None if before is None or loss.eps0 is None else before + loss.eps0
    return found


def _least(eps: int, eps0: int | None) -> int:
    return eps if eps0 is None else min(eps, eps0)

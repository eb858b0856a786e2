"""Several losses of one person added up: the sheets of a period, and the periods of a survey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.errors import MisuseError


@dataclass(frozen=True)
class PrivacyLoss:
    """What some reports of a person give away together: (eps, delta)-differential privacy."""

    eps: float
    delta: float


def summed(losses: Sequence[PrivacyLoss]) -> PrivacyLoss:
    """Return the loss of all together: the sums (Dwork, Roth 2014, theorem 3.16).

    The reports have to be randomised and shuffled each on its own, whatever the answers have
    to do with each other.
    """
    return PrivacyLoss(math.fsum(loss.eps for loss in losses), math.fsum(loss.delta for loss in losses))


def composed(losses: Sequence[PrivacyLoss], spare_delta: float) -> PrivacyLoss:
    """Return a bound for all together that grows with the root of their number, if that is smaller than the sum.

    `spare_delta`: over 0, below 1; what this may add to delta (Kairouz, Oh, Viswanath 2015, theorem 3.5). If the sum is
    smaller, nothing is added. Raises `MisuseError`.
    """
    if not 0 < spare_delta < 1:
        raise MisuseError(f"the spare delta is over 0 and below 1, not {spare_delta}")
    plain = summed(losses)
    drift = math.fsum(loss.eps * math.tanh(loss.eps / 2) for loss in losses)
    squares = math.fsum(loss.eps**2 for loss in losses)
    spread = math.sqrt(2 * squares * math.log(1 / spare_delta))
    eps = (drift + spread) * (1 + 1e-12)
    if eps >= plain.eps:
        return plain
    # 1 - (1 - spare) * product(1 - delta) is at most this sum.
    return PrivacyLoss(eps, min(1.0, plain.delta + spare_delta))


def over_periods(loss: PrivacyLoss, eps0: float, periods: int, *, permanent: bool, spare_delta: float) -> PrivacyLoss:
    """Return the loss of a person who answers in so many periods.

    loss: of one period, against somebody who sees everything but one mix. eps0: of one period, if all mixes work
    together. With `permanent` responses the same report is sent each time. So all periods tell no more than the
    report itself, which is eps0. But they are not randomised anew, so that no theorem adds up their losses: whoever
    joins or leaves in between may make somebody's report stand out. So eps0 is what is told.
    Raises `MisuseError` if there is no period.
    """
    if periods < 1:
        raise MisuseError(f"a survey has at least one period, not {periods}")
    if periods == 1:
        return loss
    if permanent:
        return PrivacyLoss(eps0, 0.0)
    together = composed([loss] * periods, spare_delta)
    return together if together.eps < eps0 * periods else PrivacyLoss(eps0 * periods, 0.0)

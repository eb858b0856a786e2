"""Whole numbers whose quotient is at most e**eps0, verified without floating-point numbers."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Context
from decimal import Decimal as Digits
from fractions import Fraction

from loopixmix.errors import MisuseError

FALSE_WEIGHT = 1_000_000
"""Of a mechanism, unless the true weight would become too large: so a quotient can be read as a decimal number."""
MOST_WEIGHT = 2**40
"""The weights of a mechanism are below it."""
_CONTEXT = Context(prec=60)


def exp_below(eps0: Fraction) -> Fraction:
    """Return a fraction that is at most e**eps0, and closer to it than one part in 10**50. `eps0`: 0 to 100."""
    # The quotient is rounded down, and Decimal.exp is the nearest number of 60 digits, so that one less is below.
    exponent = Context(prec=60, rounding=ROUND_FLOOR).divide(Digits(eps0.numerator), Digits(eps0.denominator))
    return Fraction(exponent.exp(_CONTEXT).next_minus(_CONTEXT))


def is_within(quotient: Fraction, eps0: Fraction) -> bool:
    """Tell whether a quotient of weights is at most e**eps0."""
    return quotient <= exp_below(eps0)


def weights_for(eps0: Fraction) -> tuple[int, int]:
    """Return the true and the false weight of a mechanism: the largest quotient over `FALSE_WEIGHT` within e**eps0.

    Raises `MisuseError` if eps0 is so small that the two would be equal, or so large that one would be too large.
    """
    true = math.floor(exp_below(eps0) * FALSE_WEIGHT) if eps0 <= 100 else MOST_WEIGHT
    if true >= MOST_WEIGHT:
        raise MisuseError(f"a local privacy loss of {float(eps0):.3g} is too large to mean anything; at most 13")
    if true <= FALSE_WEIGHT:
        raise MisuseError(f"a local privacy loss of {float(eps0):.3g} is too small: reports would tell nothing")
    return true, FALSE_WEIGHT


def loss_of(true_weight: int, false_weight: int) -> float:
    """Return ln(true / false), the local privacy loss, rounded up."""
    if true_weight == false_weight:
        return 0.0
    # The quotient and the logarithm are each wrong by an ulp or two, and the factor adds over four.
    return math.log1p((true_weight - false_weight) / false_weight) * (1 + 1e-15)

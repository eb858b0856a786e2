"""The two weights of a mechanism: how much more likely a report is if it is true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from loopixmix.errors import MisuseError

MOST_WEIGHT = 2**40


@dataclass(frozen=True)
class Weights:
    """`true / false` is e**eps0, exactly. Whole numbers from 1 up to, not including, `MOST_WEIGHT`.

    The true one is not the smaller one. Raise `MisuseError` otherwise.
    """

    true: int
    false: int

    def __post_init__(self) -> None:
        """Check both."""
        if not 1 <= self.false <= self.true < MOST_WEIGHT:
            both = f"{self.true} and {self.false}"
            raise MisuseError(f"the weights of a mechanism are whole, and 1 <= false <= true < 2**40, not {both}")

    @property
    def total(self) -> int:
        """Both together."""
        return self.true + self.false

    @property
    def honest(self) -> Fraction:
        """The probability that a bit is told as it is."""
        return Fraction(self.true, self.total)

    @property
    def turned(self) -> Fraction:
        """The probability that a bit is turned."""
        return Fraction(self.false, self.total)

    @property
    def eps0(self) -> float:
        """ln(true / false), rounded up."""
        if self.true == self.false:
            return 0.0
        # The quotient and the logarithm are each wrong by an ulp or two, and the factor adds over four.
        return math.log1p((self.true - self.false) / self.false) * (1 + 1e-15)


def checked_value(value: int, domain: int) -> int:
    """Return `value`, if it is one of `domain` values; raise `MisuseError`. The message does not tell the value."""
    if not 0 <= value < domain:
        raise MisuseError(f"an answer is a whole number from 0 to {domain - 1}")
    return value

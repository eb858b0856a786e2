"""Optimised unary encoding: a bit for each value (Wang, Blocki, Li, Jha 2017, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.randomise.mechanism import Supports
from stats.randomise.weights import Weights, checked_value

MOST_BITS = 62


@dataclass(frozen=True)
class UnaryEncoding:
    """A report has a bit for each value, value 0 the lowest, and supports those whose bit is set; at most 62."""

    domain: int
    weights: Weights

    def __post_init__(self) -> None:
        """Check the domain."""
        if not 2 <= self.domain <= MOST_BITS:
            raise MisuseError(f"unary encoding needs 2 to {MOST_BITS} values, not {self.domain}")

    @property
    def outputs(self) -> int:
        """All combinations of bits."""
        return 1 << self.domain

    @property
    def supports(self) -> Supports:
        """The bit of the true value is a fair coin, the others are seldom set."""
        return Supports(Fraction(1, 2), self.weights.turned)

    @property
    def eps0(self) -> float:
        """ln(true / false), rounded up."""
        return self.weights.eps0

    def randomise(self, value: int, rng: Rng) -> int:
        """Return a report of `value`."""
        checked_value(value, self.domain)
        # One draw is cut into one for each bit. Its bound is the product of theirs, so they are independent and exact.
        drawn, coin = divmod(rng.randrange(2 * self.weights.total ** (self.domain - 1)), 2)
        report = coin << value
        for place in range(self.domain):
            if place != value:
                drawn, bit = divmod(drawn, self.weights.total)
                report |= (bit < self.weights.false) << place
        return report

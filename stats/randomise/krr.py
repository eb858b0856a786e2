"""k-ary randomised response: the true value, or one of the others (Kairouz, Oh, Viswanath 2016, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.randomise.mechanism import Supports
from stats.randomise.weights import Weights, checked_value


@dataclass(frozen=True)
class RandomisedResponse:
    """A report is a value, and supports only itself. `domain`: how many values there are, at least 2."""

    domain: int
    weights: Weights

    def __post_init__(self) -> None:
        """Check the domain."""
        if not 2 <= self.domain <= 2**62:
            raise MisuseError(f"randomised response needs 2 to 2**62 values, not {self.domain}")

    @property
    def outputs(self) -> int:
        """As many as there are values."""
        return self.domain

    @property
    def supports(self) -> Supports:
        """The true value has the weight `true`, each other one the weight `false`."""
        return Supports(Fraction(self.weights.true, self._total), Fraction(self.weights.false, self._total))

    @property
    def eps0(self) -> float:
        """ln(true / false), rounded up."""
        return self.weights.eps0

    def randomise(self, value: int, rng: Rng) -> int:
        """Return a report of `value`."""
        checked_value(value, self.domain)
        drawn = rng.randrange(self._total)
        if drawn < self.weights.true:
            return value
        other = (drawn - self.weights.true) // self.weights.false
        return other + (other >= value)

    @property
    def _total(self) -> int:
        return self.weights.true + (self.domain - 1) * self.weights.false

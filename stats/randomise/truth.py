"""The true answer, for data sets with central noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.randomise.mechanism import Supports
from stats.randomise.weights import checked_value


@dataclass(frozen=True)
class TrueAnswer:
    """A report is the value itself: nothing is hidden here, so whoever holds the reports must be trusted."""

    domain: int

    def __post_init__(self) -> None:
        """Check the domain."""
        if not 2 <= self.domain <= 2**62:
            raise MisuseError(f"a question has 2 to 2**62 values, not {self.domain}")

    @property
    def outputs(self) -> int:
        """As many as there are values."""
        return self.domain

    @property
    def supports(self) -> Supports:
        """A report supports the true value, and no other."""
        return Supports(Fraction(1), Fraction(0))

    @property
    def eps0(self) -> float:
        """There is no bound."""
        return math.inf

    def randomise(self, value: int, rng: Rng) -> int:  # noqa: ARG002 (nothing is drawn)
        """Return `value`."""
        return checked_value(value, self.domain)

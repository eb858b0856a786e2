"""Hadamard response, for many values (Acharya, Sun, Zhang 2019, "Hadamard response", section 3).

Value v stands for row w = v + 1 of the Hadamard matrix of order K: its entry in column x is +1 if the number of bits
that w and x share is even. A report is a column, and supports the values in whose rows it has a +1. Row 0 has no -1,
so it stands for no value.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.randomise.mechanism import Supports
from stats.randomise.weights import Weights, checked_value


@dataclass(frozen=True)
class HadamardResponse:
    """A report is a column; half of all columns support a value. `domain`: how many values there are, at least 2."""

    domain: int
    weights: Weights

    def __post_init__(self) -> None:
        """Check the domain."""
        if not 2 <= self.domain < 2**62:
            raise MisuseError(f"Hadamard response needs 2 to 2**62 - 1 values, not {self.domain}")

    @property
    def outputs(self) -> int:
        """The smallest power of 2 over the number of values."""
        return 1 << self.domain.bit_length()

    @property
    def supports(self) -> Supports:
        """Two rows agree in half of their columns."""
        return Supports(self.weights.honest, Fraction(1, 2))

    @property
    def eps0(self) -> float:
        """ln(true / false), rounded up."""
        return self.weights.eps0

    def randomise(self, value: int, rng: Rng) -> int:
        """Return a report of `value`."""
        row = checked_value(value, self.domain) + 1
        half = self.outputs // 2
        drawn = rng.randrange(half * self.weights.total)
        if drawn < half * self.weights.true:
            return _column(row, drawn // self.weights.true, 0)
        return _column(row, (drawn - half * self.weights.true) // self.weights.false, 1)


def _column(row: int, index: int, parity: int) -> int:
    """Return column `index` of those that share with `row` an even number of bits, or with `parity` 1 an odd one.

    The lowest bit of `row` is left out of `index`, and then chosen so that the parity is right.
    """
    lowest = row & -row
    column = (index & (lowest - 1)) | ((index & -lowest) << 1)
    if ((column & row).bit_count() ^ parity) & 1:
        column |= lowest
    return column

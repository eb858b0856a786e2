"""Draws that a test chooses, and through them all draws that are possible."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

from stats.randomise.mechanism import Mechanism


class EveryDraw(random.Random):
    """Gives one chosen draw, and remembers below which bound it was drawn. Any other kind of draw fails."""

    def __init__(self, drawn: int) -> None:
        """Give `drawn`."""
        super().__init__(0)
        self._drawn = drawn
        self.bound = 0
        self.draws = 0

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:  # type: ignore[override]
        """Give it."""
        assert stop is None
        assert step == 1
        assert type(start) is int
        self.bound = start
        self.draws += 1
        return self._drawn

    def random(self) -> float:
        """Fail: no floating-point number is involved in a draw."""
        raise AssertionError("a floating-point number was drawn")

    def getrandbits(self, k: int) -> int:
        """Fail."""
        raise AssertionError("a draw is one call of randrange")


def exact_probabilities(mechanism: Mechanism, value: int) -> dict[int, Fraction]:
    """Return the probability of each report of `value`, exactly, by trying all draws."""
    first = EveryDraw(0)
    mechanism.randomise(value, first)
    counts = Counter(mechanism.randomise(value, EveryDraw(drawn)) for drawn in range(first.bound))
    return {report: Fraction(count, first.bound) for report, count in counts.items()}

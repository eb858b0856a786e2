"""Any randomiser, shuffled: Feldman, McMillan, Talwar 2021, "Hiding Among the Clones".

Each of the other n - 1 reports is, with probability e**-eps0, a clone: it looks as if the person in question had sent
it, with either answer.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from stats.account.binomials import SLACK, Floats, groups, masses, window

MOST_GROUPS = 1_000
"""Numbers of clones that are looked at. More clones hide better, so that a group counts as its smallest number."""
_SPARE = 1e-6
"""What is left out is at most this share of delta, and is added to it."""


def closed_form(eps0: float, n: int, delta: float) -> float:
    """Return the amplified loss of n shuffled reports by the closed form (theorem 3.1, as its authors' program has it).

    Where the theorem says nothing, which is if eps0 > ln(n / (16 ln(4 / delta))), this is eps0.
    """
    log = math.log(4 / delta)
    if n < 1 or eps0 <= 0 or eps0 > math.log(n / (16 * log)):
        return eps0
    root = 8 * math.sqrt(math.exp(eps0) * log / n)
    rest = 8 * math.exp(eps0) / n
    share = (1 - math.exp(-eps0)) / (1 + math.exp(-eps0 - math.log(1 + root + rest)))
    return min(eps0, math.log(1 + share * (root + rest)))


class CloneLoss:
    """The hockey-stick divergence between two answers of one person among n shuffled reports.

    With c clones, the two worlds are c fair coins and one that falls with odds e**eps0, on one side or on the other
    (theorem 3.1). They mirror each other, so that the bound is the same in both directions.
    """

    def __init__(self, eps0: float, n: int, delta: float) -> None:
        """`eps0`: over 0. `n`: honest reports, the person's own among them. `delta`: the size that is of interest."""
        self._eps0 = eps0
        self._outside = delta * _SPARE
        share = math.exp(-eps0)
        low, high = window(n - 1, share, self._outside)
        begins = groups(low, high, MOST_GROUPS)
        self._masses: Floats = np.add.reduceat(masses(n - 1, share, low, high), begins - low)
        self._clones: Floats = begins.astype(np.float64)

    def delta(self, eps: float) -> float:
        """Return delta at `eps`, from 0 to eps0; never below the truth, and above it by the groups only."""
        odds, bound = math.exp(self._eps0), math.exp(eps)
        if eps >= self._eps0:
            return 0.0
        # The likelihood ratio grows with the first side's count; from `first` on it is over e**eps.
        first = np.floor((self._clones + 1) * ((bound * odds - 1) / ((odds - 1) * (1 + bound)))) + 1
        with_own = _reaches(self._clones, first - 1) * ((odds - bound) / (odds + 1))
        without = _reaches(self._clones, first) * ((bound * odds - 1) / (odds + 1))
        each = np.clip(with_own * (1 + SLACK) - without * (1 - SLACK), 0, 1)
        return min(1.0, float(each @ self._masses) * (1 + SLACK) + self._outside)


def _reaches(coins: Floats, heads: Floats) -> Floats:
    """Return how likely so many fair coins show at least so many heads."""
    inside = (heads >= 1) & (heads <= coins)
    safe = np.where(inside, heads, 1)
    tails = special.betainc(safe, np.maximum(coins - safe + 1, 1), 0.5)
    return np.where(inside, tails, np.where(heads < 1, 1.0, 0.0))

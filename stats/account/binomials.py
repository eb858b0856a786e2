"""Binomial distributions in a window around their mean, never below the truth.

What lies outside of the window is bounded by Bernstein's inequality (Boucheron, Lugosi, Massart 2013, section 2.8).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SLACK = 1e-9
"""Every probability here is exact to 1e-11 of itself; sums are rounded up by this share of themselves."""


def window(trials: int, probability: float, outside: float) -> tuple[int, int]:
    """Return the first and last count of a window that a binomial number leaves with at most a probability `outside`.

    `outside`: over 0, below 1; both sides together.
    """
    mean = trials * probability
    log = math.log(2 / outside)
    reach = log / 3 + math.sqrt(log * log / 9 + 2 * log * mean * (1 - probability))
    return max(0, math.floor(mean - reach)), min(trials, math.ceil(mean + reach))


def masses(trials: int, probability: float, low: int, high: int) -> Floats:
    """Return the probabilities of `low` to `high`, as a binomial number within the window has them: they sum to 1.

    They are a little above those of the whole distribution, since what is outside is spread over the window.
    """
    counts = np.arange(low, high, dtype=np.float64)
    # Ratios of neighbours, multiplied up from the low end: far more exact than logarithms of factorials.
    ratios = (trials - counts) / (counts + 1) * (probability / (1 - probability))
    relative = np.concatenate(([1.0], np.cumprod(ratios)))
    return np.asarray(relative / relative.sum(), dtype=np.float64)


def groups(low: int, high: int, most: int) -> Whole:
    """Return where groups of neighbouring counts begin, at most `most` of them, evenly from `low` to `high`."""
    width = -(-(high - low + 1) // most)
    return np.arange(low, high + 1, width, dtype=np.int64)

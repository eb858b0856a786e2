"""Intervals for the probability of a binomial count (Brown, Cai, DasGupta 2001, "Interval estimation")."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv, ndtri

from stats.estimate.reports import Integers, Numbers

CONFIDENCE = 0.95
MOST_RARE = 3
"""Counts up to this have a bound of their own."""


def deviations(confidence: float = CONFIDENCE) -> float:
    """Return how many standard deviations an interval reaches to each side."""
    return float(ndtri(0.5 + confidence / 2))


def wilson(
    counts: Integers | Numbers, totals: Integers | Numbers, *, confidence: float = CONFIDENCE
) -> tuple[Numbers, Numbers]:
    """Return the bounds of Wilson's interval for each of `counts` of `totals`; from 0 to 1 where there is nothing.

    It is the score test turned round. Unlike that of Wald it keeps its coverage near 0 and 1 (the paper, section 3),
    but for very rare events: of those that are seen once in six surveys it would hold 84 % and not 95. So for counts of
    1 to 3, and for all but 1 to 3, the bound is that of a Poisson count (section 4.1.1: the modified interval).
    """
    z = deviations(confidence)
    n = np.maximum(totals, 1).astype(float)
    share = counts / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    low = np.minimum(middle - half, _rare(counts, n, middle - half, confidence))
    high = np.maximum(middle + half, 1 - _rare(n - counts, n, 1 - (middle + half), confidence))
    nothing = totals == 0
    return np.where(nothing, 0.0, low), np.where(nothing, 1.0, high)


def _rare(counts: Integers | Numbers, n: Numbers, otherwise: Numbers, confidence: float) -> Numbers:
    """Return the lower bound for counts that are so small that they are nearly Poisson; for others `otherwise`."""
    few = (counts > 0) & (counts <= MOST_RARE) & (counts <= n / 2)
    # Half of a quantile of chi-squared with 2 * count degrees of freedom.
    return np.where(few, gammaincinv(np.where(few, counts, 1), 1 - confidence) / n, otherwise)

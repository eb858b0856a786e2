"""Intervals for the probability of a binomial count (Brown, Cai, DasGupta 2001, "Interval estimation")."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from stats.estimate.reports import Integers, Numbers

CONFIDENCE = 0.95


def deviations(confidence: float = CONFIDENCE) -> float:
    """Return how many standard deviations an interval reaches to each side."""
    return float(ndtri(0.5 + confidence / 2))


def wilson(counts: Integers, totals: Integers, *, confidence: float = CONFIDENCE) -> tuple[Numbers, Numbers]:
    """Return the bounds of Wilson's interval for each of `counts` of `totals`; from 0 to 1 where there is nothing.

    It is the score test turned round. Unlike that of Wald it keeps its coverage near 0 and 1 (the paper, section 3).
    """
    z = deviations(confidence)
    n = np.maximum(totals, 1).astype(float)
    share = counts / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    nothing = totals == 0
    return np.where(nothing, 0.0, middle - half), np.where(nothing, 1.0, middle + half)

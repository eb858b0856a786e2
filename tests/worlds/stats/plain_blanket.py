"""The privacy blanket of k-ary randomised response, written down as plainly as the theorem has it, and slow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

DEVIATIONS = 8
"""Numbers of even reports further from the mean count as if nothing were hidden."""


def plain_blanket_eps(eps0: float, n: int, domain: int, delta: float, groups: int | None = None) -> float:
    """Return the amplified loss to 7 digits; with `groups`, even reports are counted in so many, each at its smallest.

    With 50 groups this gives values that were published as those of the bound.
    """
    low, high = 0.0, eps0
    while high - low > 1e-7:
        eps = (low + high) / 2
        if plain_blanket_delta(eps, eps0, n, domain, groups) <= delta:
            high = eps
        else:
            low = eps
    return high


def plain_blanket_delta(eps: float, eps0: float, n: int, domain: int, groups: int | None = None) -> float:
    """Return delta: the mean over the number m of the others' even reports."""
    gamma = domain / (math.exp(eps0) + domain - 1)
    mean, deviation = (n - 1) * gamma, math.sqrt((n - 1) * gamma * (1 - gamma))
    low = max(0, math.floor(mean - DEVIATIONS * deviation))
    high = min(n - 1, math.ceil(mean + DEVIATIONS * deviation))
    edges = np.arange(low, high + 2)
    if groups is not None:
        edges = np.unique(np.linspace(low, high, groups + 1).astype(np.int64))
    below = stats.binom.cdf(edges - 1, n - 1, gamma)
    each = [_with_even(int(m), eps, eps0, domain) for m in edges[:-1]]
    return float(np.array(each) @ np.diff(below) + below[0])


def _with_even(m: int, eps: float, eps0: float, domain: int) -> float:
    """Return delta if m of the others' reports are even: the own report hides among them."""
    reports, bound = m + 1, math.exp(eps)
    least = 1 / (math.exp(eps0) + domain - 1)
    likely: NDArray[np.int64] = np.arange(reports + 1)
    weights = stats.binom.pmf(likely, reports, 2 / domain)
    seen = likely[weights > 1e-20]
    weights = weights[weights > 1e-20]
    # Of `seen` reports at one of the two answers, so many have to be at the first one.
    over = seen * bound / (1 + bound) + (bound - 1) / math.expm1(eps0) / (1 + bound) * reports
    first = np.floor(over) + 1
    excess = seen / 2 * stats.binom.sf(first - 2, np.maximum(seen - 1, 0), 0.5) - over * stats.binom.sf(
        first - 1, seen, 0.5
    )
    return float(domain * least * math.expm1(eps0) * (1 + bound) / reports * (np.clip(excess, 0, None) @ weights))

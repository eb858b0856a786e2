"""Intervals of a binomial count hold its probability, also that of what hardly ever happens."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from stats.estimate.binomial import wilson


@pytest.mark.parametrize("n", [30, 1_000])
def test_intervals_hold_rare_and_usual_probabilities_alike(n: int) -> None:
    # Exact, no draws: how often the interval of each count holds a probability that is rare, or nearly certain.
    counts = np.arange(n + 1)
    low, high = wilson(counts, np.full(n + 1, n))
    rare = np.geomspace(0.01 / n, 0.5, 300)
    for truth in (*rare, *(1 - rare)):
        covered = binom.pmf(counts, n, truth)[(low <= truth) & (truth <= high)].sum()
        assert covered > 0.92, (n, truth)


def test_of_nothing_nothing_is_known() -> None:
    low, high = wilson(np.array([0]), np.array([0]))
    assert (low[0], high[0]) == (0, 1)

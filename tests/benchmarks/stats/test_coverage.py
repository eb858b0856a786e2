"""The measure of coverage finds intervals that are too short, and those that are too long."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.stats.coverage import CoverageCase, cases, coverage_of


def test_coverage_is_the_share_of_intervals_that_hold_the_truth() -> None:
    fair_coin = np.array([0.5, 0.5])
    heads = CoverageCase("heads", 1, fair_coin, lambda counts: counts == 1)
    # Each of both intervals holds the truth in every second survey, and never both.
    assert coverage_of(heads, repetitions=100) == pytest.approx(50)
    every = CoverageCase("every", 1, fair_coin, lambda counts: counts >= 0)
    assert coverage_of(every, repetitions=10) == 100


def test_every_case_draws_from_probabilities() -> None:
    for case in cases():
        assert case.probabilities.sum() == pytest.approx(1)
        assert case.covers(np.random.default_rng(1).multinomial(case.people, case.probabilities)).mean() > 0.5

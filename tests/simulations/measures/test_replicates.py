"""Estimates over replicates, against scipy's own intervals and by coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simulations.measures.replicates import QUANTILES, estimate
from simulations.results.display import with_interval

_VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).filter(lambda values: np.std(values) > 1e-3)


@given(_VALUES)
def test_the_interval_is_students(values: list[float]) -> None:
    found = estimate(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert found.low == pytest.approx(low, rel=1e-9, abs=1e-6)
    assert found.high == pytest.approx(high, rel=1e-9, abs=1e-6)
    assert found.count == len(values)
    assert found.holds(found.mean)


def test_known_values() -> None:
    found = estimate([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.sd == 1.0
    assert found.half_width == pytest.approx(4.302652729911275 / math.sqrt(3))  # t of 2 degrees at 0.975, by tables
    assert found.quantiles == pytest.approx((1.1, 2.0, 2.9))


def test_one_replicate_has_no_interval() -> None:
    found = estimate([3.0])
    assert (found.count, found.mean, found.sd, found.low, found.half_width) == (1, 3.0, None, None, None)
    assert not found.holds(3.0)


def test_what_was_not_measured_does_not_count() -> None:
    assert estimate([1.0, float("nan"), 3.0]).count == 2
    assert estimate([]).count == 0
    assert math.isnan(estimate([float("nan")]).mean)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    """H0: 95 % of intervals hold the mean. 4,000 samples of 5; binomial; 5 sd each way: false alarms below 1e-6."""
    samples = np.random.default_rng(4).normal(7.0, 2.0, size=(4000, 5))
    held = sum(estimate(row).holds(7.0) for row in samples)
    assert abs(held - 3800) < 5 * math.sqrt(4000 * 0.95 * 0.05)


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (12.34567, 0.0671, "12.346 ± 0.067"),
        (1234567.8, 321.0, "1,234,568 ± 321"),
        (0.5, None, "0.5"),
        (0.5, 0.0, "0.5"),
        (float("nan"), None, "-"),
        (1.5e-8, 2e-10, "1.500e-08 ± 2.0e-10"),
        (3.0, 0.1, "3.00 ± 0.10"),
        (2.0**40, None, "1.0995e+12"),
    ],
)
def test_figures_have_the_digits_that_mean_something(mean: float, half: float | None, text: str) -> None:
    assert with_interval(mean, half) == text


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=30))
def test_quantiles_are_numpys_to_the_bit(values: list[float]) -> None:
    assert estimate(values).quantiles == tuple(np.quantile(values, QUANTILES).tolist())

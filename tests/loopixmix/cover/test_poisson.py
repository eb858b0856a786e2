"""Streams are Poisson processes."""

from __future__ import annotations

import math
import random

import pytest
from scipy import stats

from loopixmix.cover.poisson import PoissonStream
from loopixmix.errors import MisuseError


def test_intervals_are_exponential() -> None:
    """H0: intervals ~ Exp(mean 1/7). Kolmogorov-Smirnov, n = 20,000, false-alarm rate 1e-3; seeded."""
    stream = PoissonStream(7.0, random.Random(5))
    intervals_s = [stream.next_interval_s() for _ in range(20_000)]
    assert stats.kstest(intervals_s, stats.expon(scale=1 / 7).cdf).pvalue > 1e-3


def test_intervals_do_not_depend_on_the_one_before() -> None:
    """H0: no serial correlation. Of n = 20,000 the lag-1 correlation is N(0, 1/n); bound 3.3 sd = 0.0233 (1e-3)."""
    stream = PoissonStream(1.0, random.Random(6))
    intervals_s = [stream.next_interval_s() for _ in range(20_000)]
    assert abs(stats.pearsonr(intervals_s[:-1], intervals_s[1:]).statistic) < 0.0233


@pytest.mark.parametrize("rate_per_s", [0.0, -1.0, math.inf, math.nan])
def test_a_rate_is_positive_and_finite(rate_per_s: float) -> None:
    with pytest.raises(MisuseError, match="positive"):
        PoissonStream(rate_per_s, random.Random(1))

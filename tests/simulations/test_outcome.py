"""Distributions as they are kept."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.outcome import PROBABILITIES, Distribution


def test_samples_keep_count_mean_spread_and_quantiles() -> None:
    samples = np.random.default_rng(2).normal(5.0, 1.0, 1000)
    found = Distribution.of(samples)
    assert (found.count, found.mean, found.sd) == (1000, samples.mean(), samples.std(ddof=1))
    assert (found.quantile(0.0), found.quantile(1.0)) == (samples.min(), samples.max())
    assert found.quantile(0.5) == pytest.approx(float(np.median(samples)))
    assert found.quantile(0.5025) == pytest.approx((found.quantile(0.5) + found.quantile(0.505)) / 2)


def test_one_sample_has_no_spread() -> None:
    assert Distribution.of([3.0]) == Distribution(count=1, mean=3.0, sd=0.0, quantiles=(3.0,) * len(PROBABILITIES))

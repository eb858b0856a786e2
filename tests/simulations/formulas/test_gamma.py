"""The Gamma distribution that fits best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from simulations.formulas.gamma import fit_gamma


def test_it_is_the_maximum_that_scipy_finds() -> None:
    samples = np.random.default_rng(3).gamma(4.0, 0.2, 2000)
    shape, _, scale = stats.gamma.fit(samples, floc=0)
    assert fit_gamma(samples) == pytest.approx((shape, scale), rel=1e-4)


@pytest.mark.parametrize("samples", [[], [1.0], [2.0, 2.0], [0.0, 1.0], [-1.0, 1.0]])
def test_without_two_positive_samples_there_is_none(samples: list[float]) -> None:
    assert all(math.isnan(value) for value in fit_gamma(np.array(samples)))

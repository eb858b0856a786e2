"""Shares and means with their intervals."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import MeanEstimate, ShareEstimate


def test_estimates_hold_the_true_share() -> None:
    """Known exact intervals: 0 of 10 up to 1 - 0.025^(1/10); 5 of 10 from 0.1871 to 0.8129."""
    assert ShareEstimate.of_trials(0, 10).high == pytest.approx(1 - 0.025**0.1)
    assert ShareEstimate.of_trials(10, 10).low == pytest.approx(0.025**0.1)
    half = ShareEstimate.of_trials(5, 10)
    assert (half.low, half.high) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    for successes, trials in ((-1, 5), (6, 5), (0, 0)):
        with pytest.raises(MisuseError):
            ShareEstimate.of_trials(successes, trials)
    with pytest.raises(MisuseError):
        ShareEstimate.of_trials(1, 2, confidence=1.0)


def test_means_have_students_interval() -> None:
    import numpy as np

    mean = MeanEstimate.of_trials(np.array([1.0, 2.0, 3.0]))
    # t(0.975, 2) = 4.3027, standard error 1/sqrt(3).
    assert (mean.mean, mean.high - mean.mean) == pytest.approx((2.0, 4.3027 / 3**0.5), abs=1e-4)
    assert MeanEstimate.of_trials(np.array([2.0])).low == 2.0
    with pytest.raises(MisuseError):
        MeanEstimate.of_trials(np.array([]))

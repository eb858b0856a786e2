"""The error of the real survey is held against the right one."""

from __future__ import annotations

import random

import pytest

from benchmarks.stats.fair import expected_error, mean_error, mechanism_with


def test_theory_foretells_the_error() -> None:
    answers = random.Random(1).choices(range(5), weights=(1, 2, 3, 4, 5), k=500)
    mechanism = mechanism_with(2.0, 5)
    # 60 surveys of 5 values, which are nearly independent: the mean distance is known to 0.76 / sqrt(300) = 4.4 %.
    assert mean_error(mechanism, answers, 60) == pytest.approx(expected_error(mechanism, answers), rel=0.15)
    assert mechanism.eps0 <= 2.0

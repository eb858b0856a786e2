"""Noise has the distribution of its eps, and is enough."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from loopixmix.errors import MisuseError
from stats.central.noise import NoiseScale, OpendpNoise

NOISE = OpendpNoise()


def probability(scale: NoiseScale, value: int) -> float:
    alpha = math.exp(-1 / scale.scale)
    return (1 - alpha) / (1 + alpha) * alpha ** abs(value)


@pytest.mark.parametrize(
    "scale", [NoiseScale(1, Fraction(1, 2)), NoiseScale(3, Fraction(1)), NoiseScale(1, Fraction(5))]
)
def test_noise_is_discrete_laplace(scale: NoiseScale) -> None:
    # H0: it is. 30,000 draws of the operating system's randomness, chi-squared over the values that at least 20 draws
    # are expected to have, the rest together. Rejected below p = 1e-6: one false alarm in 300,000 runs of the three.
    draws, reach = 30_000, 0
    while probability(scale, reach + 1) * draws > 20:
        reach += 1
    drawn = np.array(NOISE.add([100] * draws, scale)) - 100
    values = range(-reach, reach + 1)
    observed = [int((drawn == value).sum()) for value in values]
    expected = [probability(scale, value) * draws for value in values]
    observed.append(draws - sum(observed))
    expected.append(draws - sum(expected))
    assert stats.chisquare(observed, expected).pvalue > 1e-6


def test_neighbours_are_told_apart_by_no_more_than_eps() -> None:
    scale = NoiseScale(4, Fraction(1, 3))
    # One person changes a number by 4: each noisy number is likelier by a factor of at most e**eps.
    ratios = [probability(scale, value - 4) / probability(scale, value) for value in range(-50, 50)]
    assert max(ratios) <= math.exp(1 / 3)
    assert max(ratios) == pytest.approx(math.exp(1 / 3))


@pytest.mark.parametrize("eps", [Fraction(1, 100), Fraction(1), Fraction(7)])
def test_reach_and_variance_are_exact(eps: Fraction) -> None:
    scale = NoiseScale(2, eps)
    reach = scale.reach(0.05)
    values = range(-60 * math.ceil(scale.scale), 60 * math.ceil(scale.scale) + 1)
    beyond = sum(probability(scale, value) for value in values if abs(value) > reach)
    assert beyond <= 0.05
    if reach:
        assert beyond + 2 * probability(scale, reach) > 0.05
    assert scale.variance == pytest.approx(sum(value**2 * probability(scale, value) for value in values))


@pytest.mark.parametrize("rows_each", [1, 3])
def test_what_one_person_has_alone_is_told_with_delta_at_most(rows_each: int) -> None:
    scale, delta = NoiseScale(rows_each, Fraction(1, 2)), Fraction(1, 1000)
    threshold = scale.threshold(rows_each, delta)
    far = 100 * math.ceil(scale.scale)

    def told(bound: int) -> float:
        # As many keys as a person has rows, each with as many rows as the person has: more than there can be.
        return rows_each * sum(probability(scale, noise) for noise in range(bound - rows_each, far))

    assert told(threshold) <= delta < told(threshold - 1)


def test_too_little_and_too_much_is_refused() -> None:
    for sensitivity, eps in ((0, Fraction(1)), (1, Fraction(0)), (1, Fraction(-1))):
        with pytest.raises(MisuseError):
            NoiseScale(sensitivity, eps)
    with pytest.raises(MisuseError, match="too large"):
        NOISE.add([2**62], NoiseScale(1, Fraction(1)))


def test_opendp_confirms_every_loss() -> None:
    for sensitivity in (1, 7, 10**6, 2**36):
        for eps in (Fraction(1, 1000), Fraction(1, 3), Fraction(9)):
            assert len(NOISE.add([0, 1], NoiseScale(sensitivity, eps))) == 2

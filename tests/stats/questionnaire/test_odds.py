"""The integers of a mechanism keep the promise, by arithmetic without floating-point numbers."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from loopixmix.errors import MisuseError
from stats.questionnaire.odds import FALSE_WEIGHT, MOST_WEIGHT, exp_below, is_within, loss_of, weights_for


def series_below(x: Fraction) -> Fraction:
    """Return the begin of the series of e**x, which is below it."""
    total, term = Fraction(0), Fraction(1)
    for n in range(1, 200):
        total += term
        term *= x / n
    return total


@pytest.mark.parametrize("eps0", ["0", "0.000001", "0.1", "1", "3.37", "5", "13", "1/3"])
def test_the_bound_is_just_below_the_exponential(eps0: str) -> None:
    found, below = exp_below(Fraction(eps0)), series_below(Fraction(eps0))
    assert found <= below * (1 + Fraction(1, 10**80))
    assert below - found <= below / 10**50


def test_weights_are_the_largest_within_the_loss() -> None:
    rng = random.Random(14)
    for _ in range(200):
        eps0 = Fraction(rng.uniform(0.001, 13))
        true, false = weights_for(eps0)
        assert false == FALSE_WEIGHT
        assert is_within(Fraction(true, false), eps0)
        assert not is_within(Fraction(true + 1, false), eps0)
        assert true < MOST_WEIGHT
        assert loss_of(true, false) <= float(eps0) * (1 + 1e-14)


def test_a_loss_is_rounded_up() -> None:
    rng = random.Random(15)
    for _ in range(200):
        false = rng.randrange(1, MOST_WEIGHT)
        true = rng.randrange(false, MOST_WEIGHT)
        assert is_within(Fraction(true, false), Fraction(loss_of(true, false)))
        assert loss_of(true, false) <= math.log(true / false) * (1 + 1e-12) + 1e-15
    assert loss_of(7, 7) == 0


@pytest.mark.parametrize(("eps0", "complaint"), [("0", "too small"), ("1/10000000", "too small"), ("14", "too large")])
def test_losses_that_mean_nothing_are_refused(eps0: str, complaint: str) -> None:
    with pytest.raises(MisuseError, match=complaint):
        weights_for(Fraction(eps0))
    with pytest.raises(MisuseError, match="too large"):
        weights_for(Fraction(10**30))

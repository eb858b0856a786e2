"""The noise of the honest nodes together keeps the promise, by the theorem and by numbers."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from stats.counters.noise import OpendpDraws, concentrated, counter_loss, node_sigmas, promised
from stats.counters.plan import RelayCounter
from tests.worlds.stats.counting import new_plan


def test_the_promise_is_kept_and_hardly_more() -> None:
    plan = new_plan()
    assert 0.98 < promised(plan, node_sigmas(plan), plan.honest) <= 1
    smaller = tuple(sigma - max(1, sigma // 50) for sigma in node_sigmas(plan))
    assert promised(plan, smaller, plan.honest) > 1
    assert promised(plan, node_sigmas(plan), plan.honest - 1) > 1


def test_a_stronger_promise_and_fewer_honest_nodes_need_more_noise() -> None:
    sigma = node_sigmas(new_plan())[0]
    assert node_sigmas(new_plan(eps="0.5"))[0] > 1.9 * sigma
    assert node_sigmas(new_plan(dishonest=2))[0] == pytest.approx(sigma * math.sqrt(2), rel=0.01)
    with pytest.raises(MisuseError, match="more noise than there are numbers"):
        node_sigmas(new_plan(eps="0.000000000001", counters=(RelayCounter(name="c", path="c", protected=2**40),)))


def test_concentrated_privacy_is_turned_into_eps_and_delta() -> None:
    # Bun, Steinke 2016, proposition 1.3, by hand: rho = 0.0174 at eps = 1, delta = 1e-6.
    rho = concentrated(Fraction(1), Fraction(1, 10**6))
    assert rho + 2 * math.sqrt(rho * math.log(1e6)) == pytest.approx(1)
    assert rho == pytest.approx(0.01747, abs=2e-5)


def test_the_sum_of_small_noises_is_nearly_one_gaussian_and_its_loss_is_bounded() -> None:
    # Two nodes with noise of scale 2, a user who changes the counter by 1: the exact loss at delta against the bound.
    reach = 60
    numbers = np.arange(-reach, reach + 1)
    one = np.exp(-(numbers**2) / (2 * 2**2))
    one /= one.sum()
    both = np.convolve(one, one)
    rho = counter_loss(1, 2, 2) ** 2 / 2
    for delta in (1e-3, 1e-6):
        eps = rho + 2 * math.sqrt(rho * math.log(1 / delta))
        exact = float(np.clip(both[1:] - math.exp(eps) * both[:-1], 0, None).sum())
        assert exact <= delta


def test_opendp_draws_discrete_gaussian_numbers() -> None:
    # 600 draws of scale 3. Chi-squared over 9 cells: 8 degrees of freedom exceed 43 once in 1,000,000 runs. The
    # randomness is the operating system's, so this is the rate at which the test fails without a reason.
    draws = [OpendpDraws().draw(3) for _ in range(600)]
    numbers = np.arange(-60, 61)
    masses = np.exp(-(numbers**2) / 18)
    masses /= masses.sum()
    edges = [-60, -4, -2, -1, 0, 1, 2, 3, 5, 61]
    chi = 0.0
    for low, high in itertools.pairwise(edges):
        expected = 600 * float(masses[(numbers >= low) & (numbers < high)].sum())
        chi += (sum(low <= draw < high for draw in draws) - expected) ** 2 / expected
    assert chi < 43

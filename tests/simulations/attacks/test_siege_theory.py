"""n-1 in theory: the bound, and the share of next departures."""

from __future__ import annotations

import math

import pytest
from scipy.integrate import quad

from loopixmix.errors import MisuseError
from simulations.attacks.siege_theory import next_departure_share, success_bound
from simulations.formulas.corruption import n_minus_one_success


@pytest.mark.parametrize(("others", "loops"), [(0.5, 0.0), (3.0, 2.0), (40.0, 1.0), (200.0, 30.0)])
def test_the_bound_holds_for_the_first_that_leaves(others: float, loops: float) -> None:
    """Without further arrivals the share is int t^(lambda_M/mu) e^(-r (1-t)) dt, which 1/(r + lambda_M/mu) bounds."""
    exact = quad(lambda t: t**loops * math.exp(-others * (1 - t)), 0, 1, limit=200)[0]
    share = next_departure_share(others, loops, 1.0)
    assert share <= exact + 1e-12
    assert exact <= success_bound(others, loops, 1.0)
    assert success_bound(others, loops, 1.0) == pytest.approx(n_minus_one_success(1.0, 1.0, loops, others))
    assert success_bound(others / 4, loops, 1.0) == pytest.approx(n_minus_one_success(4.0, 1.0, loops, others))


def test_the_share_of_next_departures() -> None:
    assert next_departure_share(0.0, 0.0, 1.0) == 1.0
    assert next_departure_share(0.0, 2.0, 0.5) == pytest.approx(0.5)
    assert next_departure_share(1e9, 0.0, 1.0) == pytest.approx(1e-9, rel=1e-3)
    assert success_bound(0.0, 0.0, 1.0) == 1.0


@pytest.mark.parametrize(("others", "loops", "delay"), [(-1.0, 0.0, 1.0), (0.0, -1.0, 1.0), (0.0, 0.0, 0.0)])
def test_mixes_that_cannot_be_are_refused(others: float, loops: float, delay: float) -> None:
    with pytest.raises(MisuseError):
        next_departure_share(others, loops, delay)
    with pytest.raises(MisuseError):
        success_bound(others, loops, delay)

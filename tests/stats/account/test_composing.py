from __future__ import annotations

import math

import pytest

from loopixmix.errors import MisuseError
from stats.account.composing import PrivacyLoss, composed, over_periods, summed


def test_losses_add_up() -> None:
    assert summed([PrivacyLoss(0.5, 1e-7), PrivacyLoss(0.25, 2e-7)]) == PrivacyLoss(0.75, pytest.approx(3e-7))
    assert summed([]) == PrivacyLoss(0.0, 0.0)


def test_few_losses_are_summed_and_many_grow_with_the_root() -> None:
    assert composed([PrivacyLoss(0.1, 0.0)] * 2, 1e-6) == summed([PrivacyLoss(0.1, 0.0)] * 2)
    many = composed([PrivacyLoss(0.1, 1e-9)] * 400, 1e-6)
    # Kairouz, Oh, Viswanath 2015, theorem 3.5, by hand.
    expected = 400 * 0.1 * (math.e**0.1 - 1) / (math.e**0.1 + 1) + math.sqrt(2 * 400 * 0.01 * math.log(1e6))
    assert many.eps == pytest.approx(expected, rel=1e-9)
    assert many.eps < 40
    assert many.delta == pytest.approx(4e-7 + 1e-6)


def test_composition_is_not_below_the_exact_one_of_fair_randomised_response() -> None:
    # k binary reports of eps each: the exact loss at delta is that of two binomial distributions.
    eps, k, spare = 0.1, 400, 1e-6
    told = composed([PrivacyLoss(eps, 0.0)] * k, spare)
    kept = math.exp(eps) / (1 + math.exp(eps))
    exact = 0.0
    for heads in range(k + 1):
        log = math.lgamma(k + 1) - math.lgamma(heads + 1) - math.lgamma(k - heads + 1)
        one = log + heads * math.log(kept) + (k - heads) * math.log(1 - kept)
        other = log + heads * math.log(1 - kept) + (k - heads) * math.log(kept)
        exact += max(0.0, math.exp(one) - math.exp(told.eps + other))
    assert 0 < exact <= told.delta


def test_permanent_responses_tell_no_more_than_one_report() -> None:
    loss = PrivacyLoss(0.2, 1e-6)
    assert over_periods(loss, 3.0, 1, permanent=True, spare_delta=1e-6) == loss
    assert over_periods(loss, 3.0, 50, permanent=True, spare_delta=1e-6) == PrivacyLoss(3.0, 0.0)


def test_answers_drawn_anew_are_composed_but_never_beyond_all_local_losses() -> None:
    loss = PrivacyLoss(0.2, 1e-6)
    assert over_periods(loss, 3.0, 50, permanent=False, spare_delta=1e-6).eps < 10
    assert over_periods(PrivacyLoss(2.9999, 1e-6), 3.0, 2, permanent=False, spare_delta=1e-6).eps <= 6


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(MisuseError):
        composed([], 0.0)
    with pytest.raises(MisuseError):
        over_periods(PrivacyLoss(1, 0), 1, 0, permanent=True, spare_delta=1e-6)

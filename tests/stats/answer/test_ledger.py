from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from stats.answer.ledger import (
    DAY_S,
    MILLION,
    BudgetSpentError,
    KeptLoss,
    PrivacyLimits,
    check_budget,
    millionths,
    shown_loss,
    spent,
)

LIMITS = PrivacyLimits(eps=3 * MILLION, eps0=20 * MILLION, days=10)
NOW = 100.0 * DAY_S


def loss(
    survey: int, eps: float, eps0: float | None, *, period: int = 0, days_ago: float = 0, again: bool = False
) -> KeptLoss:
    local = None if eps0 is None else millionths(eps0)
    permanent = local if again and local is not None else 0
    at_s = NOW - days_ago * DAY_S
    return KeptLoss(bytes([survey]) * 32, period, f"survey {survey}", millionths(eps), local, permanent, at_s)


def test_losses_of_all_surveys_add_up() -> None:
    found = spent([loss(1, 1, 5), loss(2, 1, 4), loss(2, 0.5, 3, period=1)], LIMITS, NOW)
    assert (found.eps, found.eps0, found.raw) == (2_500_000, 12_000_000, 0)


def test_what_is_older_than_the_days_does_not_count() -> None:
    found = spent([loss(1, 1, 5, days_ago=10.1), loss(2, 1, 4, days_ago=9.9)], LIMITS, NOW)
    assert (found.eps, found.eps0) == (1_000_000, 4_000_000)


def test_a_permanent_response_costs_its_promise_once_and_its_eps0_from_the_second_period_on() -> None:
    weekly = [loss(1, 1, 2 if period == 0 else 0, period=period, again=True) for period in range(9)]
    assert [spent(weekly[:count], LIMITS, NOW).eps for count in (1, 2, 9)] == [1_000_000, 2_000_000, 2_000_000]
    assert spent(weekly, LIMITS, NOW).eps0 == 2_000_000
    # The draw was long ago: it still says what the later periods tell.
    later = [
        loss(1, 1, 2, days_ago=50, again=True),
        *(loss(1, 1, 0, period=period, again=True) for period in (7, 8, 9)),
    ]
    assert spent(later, LIMITS, NOW).eps == 2_000_000
    assert spent(later, LIMITS, NOW).eps0 == 0


def test_two_reports_of_one_period_are_one_period() -> None:
    assert spent([loss(1, 1, 2, again=True), loss(1, 0, 2, again=True)], LIMITS, NOW).eps == 1_000_000


def test_a_survey_never_costs_more_than_if_all_mixes_worked_together() -> None:
    assert spent([loss(1, 1, 0.25), loss(1, 1, 0.5, period=1)], LIMITS, NOW).eps == 750_000


def test_up_to_the_limit_it_is_allowed_and_beyond_it_is_refused() -> None:
    check_budget([loss(1, 2, 5)], loss(2, 1, 5), LIMITS)
    with pytest.raises(BudgetSpentError, match=r"eps = 3.01 of privacy would be lost within 10 days; you allow 3\."):
        check_budget([loss(1, 2, 5)], loss(2, 1.000001, 5), LIMITS)
    with pytest.raises(BudgetSpentError, match=r"eps0 = 20\.5"):
        check_budget([loss(1, 2, 15)], loss(2, 1, 5.5), LIMITS)


def test_true_answers_leave_only_if_that_was_allowed() -> None:
    with pytest.raises(BudgetSpentError, match="takes true answers"):
        check_budget([], loss(1, 1, None), LIMITS)
    trusting = PrivacyLimits(eps=3 * MILLION, eps0=20 * MILLION, days=10, trusts_collectors=True)
    check_budget([], loss(1, 1, None), trusting)
    found = spent([loss(1, 1, None), loss(1, 1, None, period=1), loss(2, 1, 5)], trusting, NOW)
    assert (found.eps, found.eps0, found.raw) == (3_000_000, 5_000_000, 1)


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 2), st.floats(0, 9)), max_size=12))
def test_whatever_is_allowed_one_after_the_other_stays_within_the_limits(
    answers: list[tuple[int, float, float]],
) -> None:
    kept: list[KeptLoss] = []
    for period, (survey, eps, eps0) in enumerate(answers):
        added = loss(survey, eps, eps0, period=period)
        try:
            check_budget(kept, added, LIMITS)
        except BudgetSpentError:
            continue
        kept.append(added)
    found = spent(kept, LIMITS, NOW)
    assert found.eps <= LIMITS.eps
    assert found.eps0 <= LIMITS.eps0


def test_millionths_are_rounded_up() -> None:
    assert millionths(Decimal("0.0000001")) == 1
    assert millionths(Decimal("1.25")) == 1_250_000
    assert millionths(0.1) == 100_001
    for wrong in (-1.0, float("nan"), float("inf"), Decimal("1e30")):
        with pytest.raises(MisuseError):
            millionths(wrong)


def test_losses_are_shown_rounded_up() -> None:
    assert [shown_loss(each) for each in (0, 1, 1_000_000, 2_500_000, 10_120_001)] == ["0", "0.01", "1", "2.5", "10.13"]

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.answer.times import SendingRule, TooLateError

RULE = SendingRule()
NOW = 1_000_000.0


@given(left_s=st.floats(120, 40_000_000), seed=st.integers(0, 2**32))
def test_a_report_leaves_in_its_period_with_time_to_come_again(left_s: float, seed: int) -> None:
    ends_s = NOW + left_s
    times = RULE.leaving_times(NOW, ends_s, random.Random(seed))
    assert NOW <= times.not_before_s <= NOW + RULE.ahead_s
    assert times.not_before_s < times.deadline_s
    assert times.deadline_s <= times.not_before_s + RULE.grace_s
    assert ends_s - times.not_before_s >= RULE.margin_s(left_s) - 1e-6
    assert ends_s - times.deadline_s >= RULE.margin_s(left_s) / 2 - 1e-6


def test_a_report_waits_a_day_at_most_and_half_a_day_on_average() -> None:
    """The mean of 4,000 even draws from a day is within 5 standard errors; false alarms: one in a million."""
    rng = random.Random(3)
    waits = [RULE.leaving_times(NOW, NOW + 10**7, rng).not_before_s - NOW for _ in range(4_000)]
    error_s = 86_400 / 12**0.5 / 4_000**0.5
    assert abs(sum(waits) / len(waits) - 43_200) < 5 * error_s
    assert max(waits) < 86_400


def test_the_margin_is_a_tenth_of_the_left_time_at_most_an_hour() -> None:
    assert RULE.margin_s(10**6) == 3_600
    assert RULE.margin_s(10_000) == 1_000
    assert RULE.margin_s(100) == 60


def test_on_a_test_network_all_is_shorter() -> None:
    assert SendingRule.within(86_400) == SendingRule()
    times = SendingRule.within(4).leaving_times(NOW, NOW + 100_000, random.Random(1))
    assert times.not_before_s < NOW + 4
    assert times.deadline_s == times.not_before_s + 60
    assert SendingRule.within(4).leaving_times(NOW, NOW + 9, random.Random(1)).deadline_s < NOW + 9


def test_too_late_is_told() -> None:
    with pytest.raises(TooLateError, match="only 119 seconds"):
        RULE.leaving_times(NOW, NOW + 119, random.Random(1))
    with pytest.raises(TooLateError, match="only 0 seconds"):
        RULE.leaving_times(NOW, NOW - 5, random.Random(1))
    with pytest.raises(TooLateError, match="only 0 seconds"):
        SendingRule(least_margin_s=0).leaving_times(NOW, NOW, random.Random(1))

"""The rate that is told is one that was held, not one that was tried."""

from __future__ import annotations

import pytest

from benchmarks.asking.trials import BATCH_S, LONG_TRIALS, RATES_PER_S, Trial, rates_to_hold


def trial(*, answered: int = 1000, meanwhile: int = 1000, last_wait_s: float = BATCH_S) -> Trial:
    return Trial(
        rate_per_s=2000.0,
        sent=1000,
        answered=answered,
        waits_s=[BATCH_S] * (answered - 100) + [last_wait_s] * 100,
        cpu_share=0.5,
        answered_meanwhile=meanwhile,
    )


def test_a_rate_at_which_all_are_answered_in_time_is_held() -> None:
    assert trial(meanwhile=990).sustained
    assert trial(meanwhile=990).held_per_s == 2000.0


def test_what_is_answered_after_the_load_has_ended_does_not_count() -> None:
    late = trial(meanwhile=700, last_wait_s=3.0)
    assert not late.sustained
    assert late.held_per_s == pytest.approx(1400.0)


def test_what_is_not_answered_does_not_count() -> None:
    lossy = trial(answered=950, meanwhile=940)
    assert not lossy.sustained
    assert lossy.held_per_s == pytest.approx(1880.0)


def test_each_rate_is_tried_for_a_minute_once_and_the_highest_first() -> None:
    assert rates_to_hold(RATES_PER_S) == list(reversed(RATES_PER_S))[:LONG_TRIALS]
    assert rates_to_hold(RATES_PER_S[:2]) == [RATES_PER_S[1], RATES_PER_S[0]]
    assert rates_to_hold([]) == [RATES_PER_S[0]]

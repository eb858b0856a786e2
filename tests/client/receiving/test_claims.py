"""Who has which message in hand, and for how long."""

from __future__ import annotations

import pytest

from client.api import UnknownMessageError, WrongStateError
from client.receiving.claims import Claims, Holder


def join(claims: Claims, *, at_once: int = 16, within_s: float = 60.0) -> Holder:
    holder = Holder(at_once=at_once, within_s=within_s)
    claims.join(holder)
    return holder


def test_a_full_hand_is_given_no_more_until_a_word() -> None:
    claims = Claims()
    holder = join(claims, at_once=2)
    claims.give(holder, 1, 0.0)
    assert claims.may_take(holder)
    claims.give(holder, 2, 0.0)
    assert not claims.may_take(holder)
    claims.begin_settling(holder, 1, 1.0)
    assert claims.may_take(holder)


def test_what_took_too_long_goes_to_another_and_the_late_word_is_refused() -> None:
    claims = Claims()
    slow, quick = join(claims), join(claims)
    claims.give(slow, 1, 0.0)
    assert not claims.lapse(59.9)
    assert claims.take_back(quick, 59.9) is None
    assert claims.lapse(60.0)
    assert claims.take_back(slow, 60.0) is None
    assert claims.take_back(quick, 60.0) == 1
    claims.give(quick, 1, 60.0)
    with pytest.raises(WrongStateError, match="not settled within 60 s"):
        claims.begin_settling(slow, 1, 61.0)
    with pytest.raises(UnknownMessageError):
        claims.begin_settling(slow, 1, 61.0)
    claims.begin_settling(quick, 1, 62.0)


def test_while_another_is_being_given_it_a_late_word_is_refused_too() -> None:
    claims = Claims()
    slow, quick = join(claims), join(claims)
    claims.give(slow, 1, 0.0)
    claims.lapse(60.0)
    assert claims.take_back(quick, 60.0) == 1  # it is read from the store now
    with pytest.raises(WrongStateError):
        claims.begin_settling(slow, 1, 60.0)


def test_a_late_word_counts_if_nobody_else_has_it() -> None:
    claims = Claims()
    slow, busy = join(claims), join(claims, at_once=1)
    claims.give(busy, 2, 0.0)
    claims.give(slow, 1, 0.0)
    claims.lapse(60.0)
    claims.begin_settling(slow, 1, 61.0)
    claims.settled(1)
    assert claims.take_back(slow, 61.0) == 2
    assert claims.take_back(busy, 61.0) is None


def test_what_took_too_long_fills_the_hand_until_a_word() -> None:
    claims = Claims()
    slow = join(claims, at_once=1)
    join(claims)
    claims.give(slow, 1, 0.0)
    claims.lapse(60.0)
    assert not claims.may_take(slow)
    claims.fail(slow, 1, 60.0)
    assert claims.may_take(slow)


def test_a_program_that_is_alone_gets_again_what_it_forgot() -> None:
    claims = Claims()
    holder = join(claims, at_once=1)
    claims.give(holder, 1, 0.0)
    claims.lapse(60.0)
    assert claims.take_back(holder, 60.0) == 1
    claims.give(holder, 1, 60.0)
    assert not claims.may_take(holder)
    claims.begin_settling(holder, 1, 61.0)
    assert claims.may_take(holder)


def test_what_no_other_program_takes_comes_again_to_the_one_that_forgot_it() -> None:
    claims = Claims()
    slow, hung = join(claims), join(claims, at_once=1)
    claims.give(hung, 1, 0.0)
    claims.give(slow, 2, 0.0)
    claims.lapse(60.0)
    assert claims.take_back(slow, 60.0) == 1
    claims.give(slow, 1, 60.0)
    claims.begin_settling(slow, 1, 61.0)
    claims.settled(1)
    assert claims.take_back(slow, 119.9) is None
    assert claims.wait_s(70.0) == 50.0
    assert claims.take_back(slow, 120.0) == 2


def test_a_word_lets_the_time_of_the_later_ones_begin() -> None:
    claims = Claims()
    holder = join(claims)
    for number in (1, 2, 3):
        claims.give(holder, number, 0.0)
    claims.begin_settling(holder, 2, 50.0)
    claims.settled(2)
    claims.lapse(60.0)
    assert set(holder.late) == {1}
    assert holder.held == {3: 110.0}


def test_what_failed_comes_again_ever_later_to_anybody() -> None:
    claims = Claims()
    first, second = join(claims), join(claims)
    now_s, waits_s = 0.0, []
    claims.give(first, 1, now_s)
    for _ in range(10):
        waits_s.append(claims.fail(first, 1, now_s))
        assert claims.take_back(second, now_s + waits_s[-1] - 0.1) is None
        assert claims.wait_s(now_s) == waits_s[-1]
        now_s += waits_s[-1]
        assert claims.take_back(first, now_s) == 1
        claims.give(first, 1, now_s)
    assert waits_s == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]


def test_who_leaves_gives_back_at_once() -> None:
    claims = Claims()
    first, second = join(claims), join(claims)
    claims.give(first, 1, 0.0)
    claims.leave(first, 1.0)
    assert claims.take_back(second, 1.0) == 1
    with pytest.raises(UnknownMessageError):
        claims.begin_settling(first, 1, 1.0)


def test_a_word_that_is_being_written_down_keeps_the_rest_away() -> None:
    claims = Claims()
    first, second = join(claims), join(claims)
    claims.give(first, 1, 0.0)
    claims.begin_settling(first, 1, 1.0)
    claims.leave(first, 1.0)
    claims.lapse(100.0)
    assert claims.take_back(second, 100.0) is None
    claims.leave(second, 100.0)
    assert not claims.at_rest
    claims.not_settled(1, 100.0)
    assert claims.at_rest


def test_after_a_clock_was_set_back_nothing_is_held_for_ever() -> None:
    claims = Claims()
    holder = join(claims)
    claims.give(holder, 1, 1_000_000.0)
    assert claims.lapse(0.0)
    assert claims.take_back(holder, 0.0) == 1

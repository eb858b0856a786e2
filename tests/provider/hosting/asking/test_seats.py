"""Seats and their queue."""

from __future__ import annotations

from functools import partial

import pytest

from provider.hosting.asking.seats import Seats


def never() -> None:
    raise AssertionError("nobody was dropped")


def test_so_many_begin_and_the_others_wait_in_order() -> None:
    seats, begun = Seats(most=2, queue=2), list[int]()
    assert [seats.enter(partial(begun.append, number), never) for number in range(5)] == [True] * 4 + [False]
    assert (begun, seats.taken, seats.waiting) == ([0, 1], 2, 2)
    seats.leave()
    assert begun == [0, 1, 2]
    assert seats.enter(partial(begun.append, 5), never)
    for _ in range(4):
        seats.leave()
    assert begun == [0, 1, 2, 3, 5]
    assert (seats.taken, seats.waiting) == (0, 0)


@pytest.mark.parametrize("queue", [0, 3])
def test_a_free_place_needs_no_queue(queue: int) -> None:
    seats = Seats(most=1, queue=queue)
    assert seats.is_free
    assert seats.enter(lambda: None, never)
    assert not seats.is_free
    assert seats.enter(lambda: None, never) == bool(queue)


def test_a_thousand_that_end_at_once_take_no_deep_stack() -> None:
    seats, begun = Seats(most=1, queue=5000), list[int]()

    def begin(number: int) -> None:
        begun.append(number)
        seats.leave()

    assert seats.enter(lambda: None, never)
    for number in range(5000):
        assert seats.enter(partial(begin, number), never)
    seats.leave()
    assert begun == list(range(5000))
    assert seats.taken == 0


def test_those_that_wait_are_forgotten_and_told() -> None:
    seats, begun, told = Seats(most=1, queue=5), list[int](), list[int]()
    for number in range(3):
        seats.enter(partial(begun.append, number), partial(told.append, number))
    seats.clear()
    seats.leave()
    assert (begun, told) == ([0], [1, 2])


def test_one_that_is_told_may_give_a_seat_back_or_want_one() -> None:
    seats, begun = Seats(most=1, queue=5), list[str]()
    seats.enter(partial(begun.append, "first"), never)

    def told() -> None:
        seats.leave()
        seats.enter(partial(begun.append, "again"), never)

    seats.enter(never, told)
    seats.clear()
    assert (begun, seats.taken, seats.waiting) == (["first", "again"], 1, 0)

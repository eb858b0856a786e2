"""Seats and their queue."""

from __future__ import annotations

from functools import partial

import pytest

from provider.hosting.asking.seats import Seats


def test_so_many_begin_and_the_others_wait_in_order() -> None:
    seats, begun = Seats(most=2, queue=2), list[int]()
    assert [seats.enter(partial(begun.append, number)) for number in range(5)] == [True] * 4 + [False]
    assert (begun, seats.taken, seats.waiting) == ([0, 1], 2, 2)
    seats.leave()
    assert begun == [0, 1, 2]
    assert seats.enter(partial(begun.append, 5))
    for _ in range(4):
        seats.leave()
    assert begun == [0, 1, 2, 3, 5]
    assert (seats.taken, seats.waiting) == (0, 0)


@pytest.mark.parametrize("queue", [0, 3])
def test_a_free_place_needs_no_queue(queue: int) -> None:
    seats = Seats(most=1, queue=queue)
    assert seats.is_free
    assert seats.enter(lambda: None)
    assert not seats.is_free
    assert seats.enter(lambda: None) == bool(queue)


def test_a_thousand_that_end_at_once_take_no_deep_stack() -> None:
    seats, begun = Seats(most=1, queue=5000), list[int]()

    def begin(number: int) -> None:
        begun.append(number)
        seats.leave()

    assert seats.enter(lambda: None)
    for number in range(5000):
        assert seats.enter(partial(begin, number))
    seats.leave()
    assert begun == list(range(5000))
    assert seats.taken == 0


def test_those_that_wait_are_forgotten() -> None:
    seats, begun = Seats(most=1, queue=5), list[int]()
    for number in range(3):
        seats.enter(partial(begun.append, number))
    seats.clear()
    seats.leave()
    assert begun == [0]

"""Places and their queue."""

from __future__ import annotations

from functools import partial

import pytest

from provider.hosting.asking.places import Places


def test_so_many_begin_and_the_others_wait_in_order() -> None:
    places, begun = Places(most=2, queue=2), list[int]()
    assert [places.enter(partial(begun.append, number)) for number in range(5)] == [True] * 4 + [False]
    assert (begun, places.taken, places.waiting) == ([0, 1], 2, 2)
    places.leave()
    assert begun == [0, 1, 2]
    assert places.enter(partial(begun.append, 5))
    for _ in range(4):
        places.leave()
    assert begun == [0, 1, 2, 3, 5]
    assert (places.taken, places.waiting) == (0, 0)


@pytest.mark.parametrize("queue", [0, 3])
def test_a_free_place_needs_no_queue(queue: int) -> None:
    places = Places(most=1, queue=queue)
    assert places.is_free
    assert places.enter(lambda: None)
    assert not places.is_free
    assert places.enter(lambda: None) == bool(queue)


def test_a_thousand_that_end_at_once_take_no_deep_stack() -> None:
    places, begun = Places(most=1, queue=5000), list[int]()

    def begin(number: int) -> None:
        begun.append(number)
        places.leave()

    assert places.enter(lambda: None)
    for number in range(5000):
        assert places.enter(partial(begin, number))
    places.leave()
    assert begun == list(range(5000))
    assert places.taken == 0


def test_those_that_wait_are_forgotten() -> None:
    places, begun = Places(most=1, queue=5), list[int]()
    for number in range(3):
        places.enter(partial(begun.append, number))
    places.clear()
    places.leave()
    assert begun == [0]

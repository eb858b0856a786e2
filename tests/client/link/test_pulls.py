from __future__ import annotations

import pytest

from client.link.pulls import MOST_OUTSTANDING, PullBook
from loopixmix.errors import MisuseError
from loopixmix.wire import Item, ItemKind

BATCH = 4
FIRST = 42
"""The number of the first pull of a book."""


def book(max_acknowledged: int = 3, first_request_id: int = 41) -> PullBook:
    made = PullBook()
    made.begin(first_request_id=first_request_id, max_acknowledged=max_acknowledged)
    return made


def item(item_id: int, kind: ItemKind = ItemKind.MESSAGE, *, request_id: int = FIRST) -> Item:
    return Item(request_id, item_id, kind, bytes(8), b"body")


def test_an_item_is_acknowledged_only_after_it_is_stored() -> None:
    pulls = book()
    assert pulls.next_pull(BATCH).request_id == FIRST
    assert pulls.on_item(item(7))
    assert pulls.next_pull(BATCH).acknowledged == ()
    pulls.on_stored([7])
    assert pulls.next_pull(BATCH).acknowledged == (7,)
    assert pulls.next_pull(BATCH).acknowledged == ()


def test_an_item_that_comes_again_while_it_is_stored_is_left_alone() -> None:
    pulls = book()
    pulls.next_pull(BATCH)
    assert pulls.on_item(item(7))
    assert not pulls.on_item(item(7))


def test_an_item_whose_acknowledgement_was_lost_is_acknowledged_again() -> None:
    pulls = book()
    pulls.next_pull(BATCH)
    pulls.on_item(item(7))
    pulls.on_stored([7])
    pulls.next_pull(BATCH)
    assert not pulls.on_item(item(7))
    assert pulls.next_pull(BATCH).acknowledged == (7,)


def test_what_could_not_be_stored_is_taken_again() -> None:
    pulls = book()
    pulls.next_pull(BATCH)
    pulls.on_item(item(7))
    pulls.on_failed([7])
    assert pulls.next_pull(BATCH).acknowledged == ()
    assert pulls.on_item(item(7))


def test_dummies_are_nothing_but_show_that_the_provider_answers() -> None:
    pulls = book()
    pulls.next_pull(BATCH)
    pulls.next_pull(BATCH)
    assert pulls.unanswered == 2
    assert not pulls.on_item(item(0, ItemKind.DUMMY))
    assert pulls.unanswered == 0


def test_a_pull_acknowledges_no_more_than_fits() -> None:
    pulls = book(max_acknowledged=2)
    pulls.next_pull(BATCH)
    for number in (1, 2, 3):
        pulls.on_item(item(number))
    pulls.on_stored([1, 2, 3])
    assert [pulls.next_pull(BATCH).acknowledged for _ in range(3)] == [(1, 2), (3,), ()]


def test_no_more_items_than_a_batch_are_taken_for_each_pull_and_none_without_one() -> None:
    pulls = book()
    assert not pulls.on_item(item(1))
    pulls.next_pull(2)
    pulls.next_pull(1)
    assert [pulls.on_item(item(number)) for number in (1, 2, 3)] == [True, True, False]
    assert [pulls.on_item(item(number, request_id=FIRST + 1)) for number in (4, 5)] == [True, False]
    assert not pulls.on_item(item(6, request_id=FIRST + 2))
    assert (pulls.unasked, pulls.in_work) == (4, 3)


def test_dummies_are_a_part_of_the_batch() -> None:
    pulls = book()
    pulls.next_pull(2)
    pulls.on_item(item(0, ItemKind.DUMMY))
    pulls.on_item(item(0, ItemKind.DUMMY))
    assert not pulls.on_item(item(1))


def test_what_nobody_asked_for_does_not_show_that_the_provider_answers() -> None:
    pulls = book()
    pulls.next_pull(BATCH)
    pulls.on_item(item(1, request_id=7))
    assert pulls.unanswered == 1


def test_a_bounded_number_of_pulls_may_be_answered() -> None:
    pulls = book()
    for _ in range(MOST_OUTSTANDING + 1):
        pulls.next_pull(BATCH)
    assert not pulls.on_item(item(1))
    assert pulls.on_item(item(1, request_id=FIRST + 1))


def test_request_ids_wrap_around() -> None:
    pulls = book(max_acknowledged=1, first_request_id=2**64 - 1)
    assert pulls.next_pull(BATCH).request_id == 0


def test_there_is_no_pull_before_it_has_begun() -> None:
    pulls = PullBook()
    assert not pulls.has_begun
    with pytest.raises(MisuseError, match="have not begun"):
        pulls.next_pull(BATCH)
    assert book().has_begun

from __future__ import annotations

import pytest

from client.link.pulls import PullBook
from loopixmix.errors import MisuseError
from loopixmix.wire import Item, ItemKind


def book(max_acknowledged: int = 3, first_request_id: int = 41) -> PullBook:
    made = PullBook()
    made.begin(first_request_id=first_request_id, max_acknowledged=max_acknowledged)
    return made


def item(item_id: int, kind: ItemKind = ItemKind.MESSAGE) -> Item:
    return Item(42, item_id, kind, bytes(8), b"body")


def test_an_item_is_acknowledged_only_after_it_is_stored() -> None:
    pulls = book()
    assert pulls.next_pull().request_id == 42
    assert pulls.on_item(item(7))
    assert pulls.next_pull().acknowledged == ()
    pulls.on_stored([7])
    assert pulls.next_pull().acknowledged == (7,)
    assert pulls.next_pull().acknowledged == ()


def test_an_item_that_comes_again_while_it_is_stored_is_left_alone() -> None:
    pulls = book()
    assert pulls.on_item(item(7))
    assert not pulls.on_item(item(7))


def test_an_item_whose_acknowledgement_was_lost_is_acknowledged_again() -> None:
    pulls = book()
    pulls.on_item(item(7))
    pulls.on_stored([7])
    pulls.next_pull()
    assert not pulls.on_item(item(7))
    assert pulls.next_pull().acknowledged == (7,)


def test_what_could_not_be_stored_is_taken_again() -> None:
    pulls = book()
    pulls.on_item(item(7))
    pulls.on_failed([7])
    assert pulls.next_pull().acknowledged == ()
    assert pulls.on_item(item(7))


def test_dummies_are_nothing_but_show_that_the_provider_answers() -> None:
    pulls = book()
    pulls.next_pull()
    pulls.next_pull()
    assert pulls.unanswered == 2
    assert not pulls.on_item(item(0, ItemKind.DUMMY))
    assert pulls.unanswered == 0


def test_a_pull_acknowledges_no_more_than_fits() -> None:
    pulls = book(max_acknowledged=2)
    for number in (1, 2, 3):
        pulls.on_item(item(number))
    pulls.on_stored([1, 2, 3])
    assert [pulls.next_pull().acknowledged for _ in range(3)] == [(1, 2), (3,), ()]


def test_request_ids_wrap_around() -> None:
    pulls = book(max_acknowledged=1, first_request_id=2**64 - 1)
    assert pulls.next_pull().request_id == 0


def test_there_is_no_pull_before_it_has_begun() -> None:
    pulls = PullBook()
    assert not pulls.has_begun
    with pytest.raises(MisuseError, match="have not begun"):
        pulls.next_pull()
    assert book().has_begun

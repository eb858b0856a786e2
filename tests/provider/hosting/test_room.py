"""Memory of several services, bounded for each and for all."""

from __future__ import annotations

import pytest

from provider.hosting.room import SharedRoom, Shelf


class World:
    def __init__(self, *, most_bytes: int = 1000) -> None:
        self.room = SharedRoom(most_bytes)
        self.given_up: list[str] = []

    def shelf(self, *, most: int = 100, most_bytes: int = 1000) -> Shelf[str]:
        return self.room.shelf(most=most, most_bytes=most_bytes, given_up=self.given_up.append)


@pytest.fixture
def world() -> World:
    return World()


def put(shelf: Shelf[str], thing: str, size_bytes: int = 10, at_s: float = 0.0) -> None:
    shelf.put(thing.encode(), thing, size_bytes, at_s)


def test_the_one_idle_longest_makes_room_for_one_more(world: World) -> None:
    shelf = world.shelf(most=2)
    for thing in ("a", "b", "a", "c"):
        put(shelf, thing)
    assert (list(shelf), world.given_up, len(shelf)) == (["a", "c"], ["b"], 2)


def test_bytes_are_bounded_and_counted_as_sizes_change(world: World) -> None:
    shelf = world.shelf(most_bytes=100)
    put(shelf, "a", 40)
    put(shelf, "b", 40)
    put(shelf, "a", 60)
    assert (shelf.used_bytes, world.room.used_bytes, world.given_up) == (100, 100, [])
    put(shelf, "b", 41)
    assert (shelf.used_bytes, world.given_up) == (41, ["a"])
    shelf.pop(b"b")
    shelf.pop(b"b")
    assert (shelf.used_bytes, world.room.used_bytes) == (0, 0)


def test_what_alone_is_too_large_is_given_up_itself(world: World) -> None:
    shelf = world.shelf(most_bytes=100)
    put(shelf, "a", 101)
    assert (list(shelf), world.given_up, world.room.used_bytes) == ([], ["a"], 0)


def test_room_that_is_reserved_is_kept_free(world: World) -> None:
    shelf = world.shelf(most_bytes=100)
    for thing in ("a", "b", "c"):
        put(shelf, thing, 30)
    shelf.reserve(50)
    assert world.given_up == ["a", "b"]
    put(shelf, "d", 30)
    assert list(shelf) == ["d"]
    shelf.reserve(1000)
    assert list(shelf) == []
    shelf.reserve(0)
    put(shelf, "e", 100)
    assert list(shelf) == ["e"]


def test_the_service_that_holds_most_makes_room_for_all(world: World) -> None:
    modest, greedy = world.shelf(), world.shelf()
    put(modest, "m", 300)
    for number in range(10):
        put(greedy, f"g{number}", 100)
    assert list(modest) == ["m"]
    assert world.given_up == ["g0", "g1", "g2"]
    put(modest, "n", 100)
    assert world.given_up[3:] == ["g3"]
    assert world.room.used_bytes == 1000


def test_things_that_are_idle_are_given_up(world: World) -> None:
    shelf = world.shelf()
    for at_s, thing in enumerate(("a", "b", "a", "c")):
        put(shelf, thing, at_s=at_s)
    shelf.give_up_before(2.0)
    assert world.given_up == ["b"]
    shelf.give_up_before(10.0)
    assert world.given_up == ["b", "a", "c"]


def test_a_shelf_may_be_closed_twice_and_leaves_its_room_to_others(world: World) -> None:
    first, second = world.shelf(), world.shelf()
    put(first, "a", 900)
    first.close()
    first.close()
    put(second, "b", 1000)
    assert (len(first), len(second), world.given_up) == (0, 1, [])

"""Who has to leave a place for another: never one that waits for us, and of the others the oldest."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.net.places import BoundedPlaces


@dataclass(eq=False)
class Connection:
    """One that has sent all of its request, or not yet."""

    may_go: bool = True


def filled(places: BoundedPlaces[Connection], *hosts: str) -> list[Connection]:
    connections = [Connection() for _ in hosts]
    for connection, host in zip(connections, hosts, strict=True):
        assert places.has_room(host)
        places.add(connection, host)
    return connections


def test_places_are_counted_in_all_and_by_address() -> None:
    places = BoundedPlaces[Connection](3, 2)
    first, *_ = filled(places, "192.0.2.1", "192.0.2.1")
    assert not places.has_room("192.0.2.1")
    filled(places, "2001:db8::1")
    assert not places.has_room("192.0.2.3")
    places.remove(first)
    places.remove(first)
    assert len(places) == 2
    assert places.has_room("192.0.2.1")


def test_an_ipv6_network_is_one_address() -> None:
    places = BoundedPlaces[Connection](9, 1)
    filled(places, "2001:db8::1")
    assert not places.has_room("2001:db8::2")
    assert places.has_room("2001:db8:0:1::2")


def test_the_oldest_that_is_waited_for_has_to_go() -> None:
    places = BoundedPlaces[Connection](3)
    first, second, third = filled(places, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    first.may_go = False
    assert places.first_to_go("192.0.2.4") is second
    places.rest(second)
    assert places.first_to_go("192.0.2.4") is third
    second.may_go = third.may_go = False
    assert places.first_to_go("192.0.2.4") is None


def test_an_address_that_has_all_its_places_makes_room_itself() -> None:
    places = BoundedPlaces[Connection](3, 2)
    _, own, _ = filled(places, "192.0.2.1", "192.0.2.2", "192.0.2.2")
    assert places.first_to_go("192.0.2.2") is own


def test_a_flood_from_one_address_pushes_out_itself() -> None:
    places = BoundedPlaces[Connection](9, 8)
    honest, *flood = filled(places, "192.0.2.1", *8 * ["192.0.2.2"])
    assert places.first_to_go("192.0.2.3") is flood[0]
    assert honest in places


def test_a_flood_from_many_addresses_pushes_out_itself_too() -> None:
    places = BoundedPlaces[Connection](7, 8)
    honest, *flood = filled(places, "192.0.2.1", *3 * ["192.0.2.2", "192.0.2.3"])
    assert places.first_to_go("192.0.2.4") is flood[0]
    for one in flood:
        one.may_go = False
    flood[4].may_go = True
    assert places.first_to_go("192.0.2.4") is flood[4]
    flood[4].may_go = False
    assert places.first_to_go("192.0.2.4") is honest

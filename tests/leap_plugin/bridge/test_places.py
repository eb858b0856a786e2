"""The places of those who have not logged in."""

from __future__ import annotations

import pytest

from leap_plugin.bridge.places import WaitingPlaces, is_here


def test_one_device_takes_a_quarter_of_the_places() -> None:
    places = WaitingPlaces(20)
    for number in range(5):
        assert places.has_one_for("192.168.1.7")
        places.take(number, "192.168.1.7")
    assert not places.has_one_for("192.168.1.7")
    assert places.has_one_for("192.168.1.8")
    places.leave(0)
    places.leave(0)
    assert places.has_one_for("192.168.1.7")


def test_the_programs_of_this_machine_share_all_of_them() -> None:
    places = WaitingPlaces(20)
    for number in range(20):
        assert places.has_one_for("127.0.0.1")
        places.take(number, "127.0.0.1")
    assert not places.has_one_for("127.0.0.1")


@pytest.mark.parametrize(("host", "here"), [("127.0.0.1", True), ("::1", True), ("", True), ("10.0.0.1", False)])
def test_which_addresses_are_here(host: str, here: bool) -> None:
    assert is_here(host) is here

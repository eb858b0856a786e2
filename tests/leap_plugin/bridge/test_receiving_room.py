"""Room for mails that come at the same time."""

from __future__ import annotations

from leap_plugin.bridge.receiving_room import ReceivingRoom


def test_what_is_given_back_twice_counts_once() -> None:
    room = ReceivingRoom(10)
    first, second = room.take(6), room.take(4)
    assert first is not None
    assert second is not None
    assert room.take(1) is None
    first.give_back()
    first.give_back()
    assert room.take(7) is None
    assert room.take(6) is not None

"""How many bytes of mails a bridge receives at the same time, over all of its connections.

Each connection may bring one mail of 36 MiB, and there are places for 140 connections: together they could take more
memory than the machine has. So a place in memory is asked for before a mail comes.
"""

from __future__ import annotations

from threading import Lock

MOST_BYTES = 160 * 1024 * 1024
"""Four of the longest mails, and a few short ones beside them."""


class RoomShare:
    """A part of the room, until it is given back."""

    def __init__(self, room: ReceivingRoom, length_bytes: int) -> None:
        """`length_bytes`: of the part."""
        self._room: ReceivingRoom | None = room
        self._length_bytes = length_bytes

    def give_back(self) -> None:
        """Let others have it; a second time changes nothing."""
        room, self._room = self._room, None
        if room is not None:
            room._taken(-self._length_bytes)


class ReceivingRoom:
    """The room; sessions in several threads share it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes`: of all mails that are being received together."""
        self._most_bytes = most_bytes
        self._taken_bytes = 0
        self._lock = Lock()

    def take(self, length_bytes: int) -> RoomShare | None:
        """Return room for a mail of at most that length, None if there is not enough of it now."""
        return RoomShare(self, length_bytes) if self._taken(length_bytes) else None

    def _taken(self, more_bytes: int) -> bool:
        with self._lock:
            if self._taken_bytes + more_bytes > self._most_bytes:
                return False
            self._taken_bytes += more_bytes
            return True

"""Memory for what services have in hand, bounded for each of them and for all together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

V = TypeVar("V")


class _Holder(Protocol):
    used_bytes: int

    def give_up_idlest(self) -> None: ...


class SharedRoom:
    """The memory that all services share for one kind of thing."""

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes`: what all shelves together may hold."""
        self._most_bytes = most_bytes
        self._holders: list[_Holder] = []
        self.used_bytes = 0

    def shelf(self, *, most: int, most_bytes: int, given_up: Callable[[V], object]) -> Shelf[V]:
        """Return a service's part of the room.

        `most`, `most_bytes`: what it may hold. `given_up`: hears of each thing that is taken out to make room, the one
        idle longest first.
        """
        shelf = Shelf(self, most=most, most_bytes=most_bytes, given_up=given_up)
        self._holders.append(shelf)
        return shelf

    def give_back(self, shelf: _Holder) -> None:
        """Count a shelf no more; it must be empty. It may have been given back already."""
        if shelf in self._holders:
            self._holders.remove(shelf)

    def make_fit(self) -> None:
        """Take things out until the rest fits, from the service that holds most."""
        # Not the idlest of all services: one that fills the room would push out what the others have.
        while self.used_bytes > self._most_bytes:
            max(self._holders, key=lambda holder: holder.used_bytes).give_up_idlest()


class Shelf(Generic[V]):
    """Things of one service by name, the one idle longest first."""

    def __init__(self, room: SharedRoom, *, most: int, most_bytes: int, given_up: Callable[[V], object]) -> None:
        """See `SharedRoom.shelf`."""
        self._room = room
        self._most = most
        self._most_bytes = most_bytes
        self._given_up = given_up
        self._things: OrderedDict[bytes, tuple[V, int, float]] = OrderedDict()
        self._reserved_bytes = 0
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._things)

    def __iter__(self) -> Iterator[V]:
        return iter([thing for thing, _, _ in self._things.values()])

    def put(self, name: bytes, thing: V, size_bytes: int, now_s: float) -> None:
        """Put a thing there, or tell that it has another size now; it is the one touched last.

        Others may be given up for it, or it itself if it alone is too large.
        """
        self._forget(name)
        self._things[name] = thing, size_bytes, now_s
        self._use(size_bytes)
        self._make_fit()
        self._room.make_fit()

    def reserve(self, size_bytes: int) -> None:
        """Keep so many bytes free of things, for what the service has in hand elsewhere."""
        self._reserved_bytes = size_bytes
        self._make_fit()

    def pop(self, name: bytes) -> None:
        """Take a thing out, if it is there."""
        self._forget(name)

    def give_up_idlest(self) -> None:
        """Take out the thing that was put longest ago."""
        name, (thing, _, _) = next(iter(self._things.items()))
        self._forget(name)
        self._given_up(thing)

    def close(self) -> None:
        """Throw all away, and be no part of the room any more."""
        for name in list(self._things):
            self._forget(name)
        self._room.give_back(self)

    def give_up_before(self, at_s: float) -> None:
        """Take out the things that were not put again since then."""
        while self._things and next(iter(self._things.values()))[2] < at_s:
            self.give_up_idlest()

    def _make_fit(self) -> None:
        most_bytes = self._most_bytes - self._reserved_bytes
        while self._things and (len(self._things) > self._most or self.used_bytes > most_bytes):
            self.give_up_idlest()

    def _forget(self, name: bytes) -> None:
        found = self._things.pop(name, None)
        if found is not None:
            self._use(-found[1])

    def _use(self, more_bytes: int) -> None:
        self.used_bytes += more_bytes
        self._room.used_bytes += more_bytes

"""The places for connections of one server, and who has to leave one for another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from loopixmix.net.limits import address_group


class Placed(Protocol):
    """A connection that has a place."""

    @property
    def may_go(self) -> bool:
        """Tell whether it may be ended to make room: its peer is the one who is waited for."""


P = TypeVar("P", bound=Placed)


class BoundedPlaces(Generic[P]):
    """A number of places, of which one address gets so many; an IPv6 network counts as one address."""

    def __init__(self, most: int, most_per_address: int | None = None) -> None:
        """`most`: places in all. `most_per_address`: of which one address gets so many, all of them by default."""
        self._most = most
        self._most_per_address = most if most_per_address is None else most_per_address
        # In the order in which they came or became idle, the oldest first.
        self._groups: dict[P, str] = {}
        self._counts: Counter[str] = Counter()

    def __contains__(self, connection: object) -> bool:
        return connection in self._groups

    def __iter__(self) -> Iterator[P]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def has_room(self, host: str) -> bool:
        """Tell whether a connection from `host` finds a place."""
        return len(self._groups) < self._most and self._counts[address_group(host)] < self._most_per_address

    def first_to_go(self, host: str) -> P | None:
        """Return the connection that has to go so that one from `host` gets its place, or None if all may stay."""
        own = address_group(host)
        if self._counts[own] >= self._most_per_address:
            return next((each for each, group in self._groups.items() if group == own and each.may_go), None)
        # Those of the address with the most come first: a flood then pushes out itself, however many addresses it comes
        # from, and not a peer that needs a moment for its request. With a fixed bound for "many", a flood that stays
        # below it at each address pushed out everybody alike.
        highest = max(self._counts.values(), default=0)
        found, most = None, 0
        for each, group in self._groups.items():
            count = self._counts[group]
            if count > most and each.may_go:
                found, most = each, count
                if most == highest:
                    break
        return found

    def add(self, connection: P, host: str) -> None:
        """Give a place to a connection from `host`."""
        group = address_group(host)
        self._groups[connection] = group
        self._counts[group] += 1

    def remove(self, connection: P) -> None:
        """Take note that a connection has no place any more, if it had one."""
        group = self._groups.pop(connection, None)
        if group is None:
            return
        self._counts[group] -= 1
        if not self._counts[group]:
            del self._counts[group]

    def rest(self, connection: P) -> None:
        """Take note that a connection is idle from now on: it is the youngest again."""
        group = self._groups.pop(connection, None)
        if group is not None:
            self._groups[connection] = group


@dataclass(frozen=True)
class KeptPlaces(Generic[P]):
    """Places for the peers that a server knows by their addresses."""

    places: BoundedPlaces[P]
    is_for: Callable[[str], bool]
    """Tells whether they are for connections from an address."""

"""The reply blocks of one request: how many its host can still use, and how many are under way."""

from __future__ import annotations

import math
from dataclasses import dataclass

FORGIVEN_AT_FIRST = 12
"""So many blocks may be lost before the first share comes: those of two parts."""
FORGIVEN_A_SHARE = 3
"""So many are lost for each share that comes if half of all packets get lost, on the way there and on that back."""


@dataclass
class _Given:
    """The blocks of one part that have not come back."""

    left: int
    arrives_s: float
    ends_s: float
    counted_on: bool = True
    """Whether its blocks are expected to be used."""


class BlockLedger:
    """What became of the blocks that were given to a host.

    A share of the answer tells how many its host still held when the share left. A block that should have been there
    by then, and is neither held nor was used, was lost on its way. So no block needs a deadline of its own: how long
    one lies at the host depends on those before it.

    What a host says may be a lie, to be given more blocks and to keep them. So a block that neither came back nor ended
    is taken for lost only while few are: `hoarded` tells how many there are beyond.
    """

    def __init__(self) -> None:
        """Begin without blocks."""
        self._parts: dict[int, _Given] = {}
        self._count = 0
        self._held = 0
        self._held_at_s = -math.inf
        self._forgiven = FORGIVEN_AT_FIRST
        self.given = 0
        """All blocks that were ever given."""

    def give(self, count: int, *, arrives_s: float, ends_s: float) -> int:
        """Note `count` blocks that left in one part; return the number under which they come back.

        `arrives_s`: when the part is at the host; `ends_s`: from when on the blocks do not work any more.
        """
        self._count += 1
        self._parts[self._count] = _Given(count, arrives_s, ends_s)
        self.given += count
        return self._count

    def came_back(self, part: int) -> None:
        """Note that one block of a part was used."""
        given = self._parts.get(part)
        if given is None:
            return
        given.left -= 1
        if given.left < 1:
            del self._parts[part]

    def on_held(self, held: int, at_s: float) -> None:
        """Note that the host held `held` blocks at the moment `at_s`."""
        self._held, self._held_at_s = held, at_s

    def write_off(self) -> None:
        """Count on no block any more that was given until now."""
        # Should the host still use one of them, its share is welcome all the same.
        for given in self._parts.values():
            given.counted_on = False
        self._held = 0

    def forgive(self, received: int) -> None:
        """Take as many blocks for lost as there may be where `received` different shares came."""
        self._forgiven = FORGIVEN_AT_FIRST + FORGIVEN_A_SHARE * received

    def hoarded(self, in_air: int) -> int:
        """Return how many blocks the host may be keeping; `in_air`: as in `under_way`, whose blocks are not counted."""
        out = sum(given.left for given in self._parts.values())
        return max(0, out - self._forgiven - self.under_way(in_air))

    def expire(self, now_s: float) -> None:
        """Forget the blocks whose epoch has ended."""
        for part in [part for part, given in self._parts.items() if given.ends_s <= now_s]:
            del self._parts[part]

    def under_way(self, in_air: int) -> int:
        """Return how many blocks may still come back; `in_air`: those of them that the host has used already."""
        counted_on = [given for given in self._parts.values() if given.counted_on]
        arrived = sum(given.left for given in counted_on if given.arrives_s <= self._held_at_s)
        coming = sum(given.left for given in counted_on if given.arrives_s > self._held_at_s)
        # A part may be counted twice that came just before the host said what it held; the sum of all is exact then.
        return min(arrived + coming, min(self._held, arrived) + coming + in_air)

    def usable(self, in_air: int) -> int:
        """Return how many blocks the host has, or will have, that it has not used."""
        return max(0, self.under_way(in_air) - in_air)

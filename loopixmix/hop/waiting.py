"""The packets that wait to be unwrapped: a queue for each peer, and the peers in turn.

With one queue for all, a peer that floods would fill it, and the others would lose as many of their packets as it does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.seams import Identity


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A packet that waits to be unwrapped."""

    arrived_at_s: float
    peer: Identity
    packet: bytes


class PeerQueues:
    """The packets that wait, by the peer that sent them; of one peer in the order in which they came."""

    __slots__ = ("_count", "_queues", "_turns")

    def __init__(self) -> None:
        """Begin empty."""
        self._queues: dict[Identity, deque[Waiting]] = {}
        self._turns: deque[Identity] = deque()
        """The peers that have a queue, the next one first."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, peer: Identity, packets: Iterable[Waiting]) -> None:
        """Let packets of `peer` wait; one at least."""
        queue = self._queues.get(peer)
        if queue is None:
            queue = self._queues[peer] = deque()
            self._turns.append(peer)
        before = len(queue)
        queue.extend(packets)
        self._count += len(queue) - before

    def take(self, count: int, since_s: float) -> tuple[list[Waiting], int]:
        """Take out at most `count` packets, one of each peer in turn.

        Packets that came before `since_s` are taken out as well, and are lost. Returns also how many they were.
        """
        taken: list[Waiting] = []
        too_late = 0
        queues, turns = self._queues, self._turns
        while turns and len(taken) < count:
            peer = turns.popleft()
            queue = queues[peer]
            waiting = queue.popleft()
            while waiting.arrived_at_s < since_s and queue:
                too_late += 1
                waiting = queue.popleft()
            if waiting.arrived_at_s < since_s:
                too_late += 1
            else:
                taken.append(waiting)
            if queue:
                turns.append(peer)
            else:
                del queues[peer]
        self._count -= len(taken) + too_late
        return taken, too_late

    def shed(self, count: int) -> None:
        """Lose `count` packets: each time the oldest one of the longest queue."""
        if not count:
            return
        # The oldest and not the newest: those that stay have waited less, and have more of their delay left.
        self._count -= count
        # All at once: to look for the longest queue again for each took a second, when thousands of peers had one.
        queues = self._queues
        longest_first = sorted(queues.items(), key=lambda each: len(each[1]), reverse=True)
        level, shorter, left = _cut([len(queue) for _, queue in longest_first], count)
        for place, (peer, queue) in enumerate(longest_first[:shorter]):
            for _ in range(len(queue) - level + (place < left)):
                queue.popleft()
            if not queue:
                del queues[peer]
        if len(queues) < len(self._turns):
            self._turns = deque(peer for peer in self._turns if peer in queues)

    def clear(self) -> None:
        """Forget every packet."""
        self._queues.clear()
        self._turns.clear()
        self._count = 0


def _cut(lengths: Sequence[int], count: int) -> tuple[int, int, int]:
    """Return how long the longest queues still are without `count` packets, how many are cut, and which by one more.

    `lengths`: those of the queues, the longest first. The first of those that are cut lose one packet more than that.
    """
    for cut, (length, next_length) in enumerate(pairwise((*lengths, 0)), start=1):
        until_next = cut * (length - next_length)
        if count <= until_next:
            each, left = divmod(count, cut)
            return length - each, cut, left
        count -= until_next
    raise MisuseError("fewer packets wait than are to be lost")

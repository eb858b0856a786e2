"""The packets that wait to be unwrapped: a queue for each peer, and the peers in turn.

With one queue for all, a peer that floods would fill it, and the others would lose as many of their packets as it does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

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
        # The oldest and not the newest: those that stay have waited less, and have more of their delay left.
        self._count -= count
        while count > 0:
            queues = self._queues
            peer = max(queues, key=lambda each: len(queues[each]))
            queue = queues[peer]
            # Several at once, so that the longest queue is not looked for again for each: until it is as long as the
            # queues are on average.
            mean = sum(map(len, queues.values())) // len(queues)
            losing = min(count, max(1, len(queue) - mean))
            for _ in range(losing):
                queue.popleft()
            count -= losing
            if not queue:
                del queues[peer]
                self._turns.remove(peer)

    def clear(self) -> None:
        """Forget every packet."""
        self._queues.clear()
        self._turns.clear()
        self._count = 0

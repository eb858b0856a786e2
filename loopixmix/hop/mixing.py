"""The decision on a packet that a node unwrapped: hold it for its delay, give it up to its recipient, or drop it."""

from __future__ import annotations

import heapq
from collections.abc import Container
from math import ceil, inf
from typing import TypeAlias

import msgspec

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.seams import Identity
from loopixmix.sphinx import Deliver, Discard, PacketError, Relay, Reply, Unwrapped, decode_command, read_relay

_US_PER_S = 1_000_000

FinalCommand: TypeAlias = Deliver | Reply | Discard


class Forward(msgspec.Struct, frozen=True, gc=False):
    """Send `packet` to `next_hop` as soon as it is `at_s`, never earlier."""

    at_s: float
    next_hop: Identity
    packet: bytes
    replay_tag: bytes

    def __repr__(self) -> str:
        return "Forward()"


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """The packet's path ends here, and this is what it is for.

    `payload_key` opens `body` if the command is a `Deliver`; the body of a `Reply` only its recipient can open.
    """

    command: FinalCommand
    payload_key: bytes
    body: bytes
    replay_tag: bytes

    def __repr__(self) -> str:
        return f"Arrived({type(self.command).__name__})"


class Drop(msgspec.Struct, frozen=True, gc=False):
    """Do nothing with the packet, and count the reason."""

    reason: DropReason


class Mixer:
    """The rules of one node."""

    def __init__(self, *, max_delay_s: float, next_hops: Container[Identity]) -> None:
        """`max_delay_s`: the longest delay a sender may ask for. `next_hops`: where packets may go from here."""
        # A sender's delay is rounded to whole microseconds: the cap is rounded up, so that none it may draw is refused.
        self._max_delay_us = ceil(max_delay_s * _US_PER_S)
        self._next_hops = next_hops

    def decide(self, unwrapped: Unwrapped, arrived_at_s: float) -> Forward | Arrived | Drop:
        """Return what to do with a packet that passed the replay filter.

        A delay counts from `arrived_at_s`, so that the time in queues is part of it. Reasons to drop:
        `UNKNOWN_COMMAND`, `UNKNOWN_NEXT_HOP`, `EXCESSIVE_DELAY` (beyond the 1 - 1e-12 quantile).
        """
        relay = read_relay(unwrapped.command)
        if relay is None:
            return self._decide_end(unwrapped)
        next_hop, delay_us = relay
        if next_hop not in self._next_hops:
            return Drop(DropReason.UNKNOWN_NEXT_HOP)
        if delay_us > self._max_delay_us:
            return Drop(DropReason.EXCESSIVE_DELAY)
        return Forward(arrived_at_s + delay_us / _US_PER_S, next_hop, unwrapped.packet, unwrapped.replay_tag)

    def _decide_end(self, unwrapped: Unwrapped) -> Arrived | Drop:
        try:
            command = decode_command(unwrapped.command)
        except PacketError as error:
            return Drop(error.reason)
        if isinstance(command, Relay):
            raise MisuseError("a packet that goes on does not end here")
        return Arrived(command, unwrapped.payload_key, unwrapped.body, unwrapped.replay_tag)


class Pool:
    """The packets that wait in a node, the next to leave first."""

    __slots__ = ("_heap", "_number", "_shift_s", "next_at_s")

    def __init__(self) -> None:
        """Begin empty."""
        self._heap: list[tuple[float, int, Forward]] = []
        self._number = 0
        self._shift_s = 0.0
        self.next_at_s = inf
        """When the next packet leaves; infinity if none waits."""

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, forward: Forward) -> None:
        """Let one packet wait."""
        heap = self._heap
        self._number = number = self._number + 1
        heapq.heappush(heap, (forward.at_s - self._shift_s, number, forward))
        self.next_at_s = heap[0][0] + self._shift_s

    def take_due(self, now_s: float) -> list[Forward]:
        """Take out, in order, every packet whose time has come."""
        heap, due_s, due = self._heap, now_s - self._shift_s, list[Forward]()
        while heap and heap[0][0] <= due_s:
            due.append(heapq.heappop(heap)[2])
        self.next_at_s = heap[0][0] + self._shift_s if heap else inf
        return due

    def shift(self, by_s: float) -> None:
        """Move every packet's time by `by_s`: the clock was set, and delays are not to change."""
        self._shift_s += by_s
        self._look()

    def clear(self) -> None:
        """Forget every packet."""
        self._heap.clear()
        self._look()

    def _look(self) -> None:
        self.next_at_s = self._heap[0][0] + self._shift_s if self._heap else inf

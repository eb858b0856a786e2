"""Watches in a running world: of pools, by the nodes' own facts, and of users' packets from end to end."""

from __future__ import annotations

from array import array
from collections import Counter
from struct import Struct

import msgspec
import numpy as np
from numpy.typing import NDArray

from loopixmix.seams import (
    Fact,
    Identity,
    LoopSent,
    PacketDelivered,
    PacketDropped,
    PacketIn,
    PacketOut,
    PacketsHeld,
)
from simulations.world.journeys import Numbers
from simulations.world.nodes import Mix, Provider


class Visits:
    """Every stay of a packet in a node: the packet's number, the node's place, and the two times."""

    KIND = np.dtype([("number", "<u8"), ("place", "<i4"), ("enters_s", "<f8"), ("leaves_s", "<f8")])
    ROW = Struct("<Qidd")
    """The same for one stay."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows = bytearray()
        """The stays, one `ROW` after the other."""

    def __len__(self) -> int:
        return len(self.rows) // self.ROW.size

    def table(self) -> NDArray[np.void]:
        """Return all stays so far, in the order in which they ended, as an array of `KIND`."""
        # A copy: more stays may be added while the array lives, and a buffer in use cannot grow.
        return np.frombuffer(bytes(self.rows), dtype=self.KIND)


_ROW = Visits.ROW.pack


class _Journey(msgspec.Struct, gc=False):
    """When a packet left its user, and for how long it was on links so far."""

    sent_at_s: float
    links_s: float = 0.0


class Journeys:
    """Packets that users sent, from leaving the user to the end of their path.

    `begun` counts those sent since the start. Of those that were sent between `from_s` and `until_s`, `sent` counts,
    `latencies_s` has one figure for each that arrived, and `waits_s` the same without what links took of it; `lost`
    counts those that links lost.
    """

    def __init__(self, numbers: Numbers, *, from_s: float, until_s: float) -> None:
        """`numbers`: knows packets again; `from_s`, `until_s`: when the measured window begins and ends."""
        self._numbers = numbers
        self._from_s = from_s
        self._until_s = until_s
        self._under_way: dict[int, _Journey] = {}
        self.begun = 0
        self.sent = 0
        self.lost = 0
        self.latencies_s = array("d")
        self.waits_s = array("d")
        self.sent_numbers = array("Q")
        """The packets that were sent in the window, in order."""

    def depart(self, frame: bytes, at_s: float) -> None:
        """Note that a user sends a packet."""
        self.begun += 1
        number = self._numbers.of_frame(frame)
        if self._from_s <= at_s < self._until_s:
            self.sent += 1
            self.sent_numbers.append(number)
            self._under_way[number] = _Journey(at_s)

    def on_way(self, frame: bytes, latency_s: float) -> None:
        """Note that a link takes so long for a packet; nothing if no user sent it."""
        number = self._numbers.under_way(frame)
        if number is not None and (journey := self._under_way.get(number)) is not None:
            journey.links_s += latency_s

    def lose(self, frame: bytes) -> None:
        """Note that a link lost a packet; nothing if it was not a user's."""
        number = self._numbers.of_lost(frame)
        if number is not None and self._under_way.pop(number, None) is not None:
            self.lost += 1

    def arrive(self, number: int, at_s: float) -> None:
        """Note that a packet's path has ended."""
        journey = self._under_way.pop(number, None)
        if journey is not None:
            latency_s = at_s - journey.sent_at_s
            self.latencies_s.append(latency_s)
            self.waits_s.append(latency_s - journey.links_s)


class NodeWatch:
    """The doings of one node, told by its facts."""

    def __init__(
        self, node: Mix | Provider, *, numbers: Numbers, journeys: Journeys, visits: Visits | None, origin_s: float
    ) -> None:
        """`visits` takes the stays of the packets of `node`; `origin_s` is a time near those that are told."""
        self.identity: Identity = node.identity
        self.place = node.place
        self.held = 0
        self.taken = 0
        """Packets that were unwrapped and believed."""
        self.injected = 0
        """Of these, answers that begin here."""
        self.loops = 0
        """Loops of its own that left."""
        self.departures = 0
        self.live_sum_bits = 0.0
        """Sum of the live entropy over departures."""
        self.drops: Counter[str] = Counter()
        self._entropy = node.counters.entropy
        self._of_tag = numbers.of_tag
        self._journeys = journeys
        self._add_visit = None if visits is None else visits.rows.extend
        self._origin_s = origin_s
        # Packets times seconds is held x now less the sum of arrival times: one sum to keep, and no list of what is
        # held.
        self._in_times_s = 0.0
        self._entered: dict[bytes, tuple[float, int]] = {}
        node.ears.add(self)

    def held_s(self, now_s: float) -> float:
        """Return the integral over time, so far, of the packets held: packets times seconds."""
        return self.held * (now_s - self._origin_s) - self._in_times_s

    def observe(self, fact: Fact) -> None:
        """Take note of one fact."""
        # The order is that of frequency; this is called twice for each packet and node.
        if type(fact) is PacketOut:
            self._left(fact)
        elif isinstance(fact, PacketIn):
            at_s, tag = fact.at_s, fact.replay_tag
            self.taken += 1
            self.held += 1
            self._in_times_s += at_s - self._origin_s
            self._entered[tag] = at_s, self._of_tag(tag)
            if fact.peer == self.identity:
                self.injected += 1
        elif isinstance(fact, PacketDelivered):
            entered_s, number = self._entered.pop(fact.replay_tag)
            self.held -= 1
            self._in_times_s -= entered_s - self._origin_s
            self._journeys.arrive(number, fact.at_s)
        elif isinstance(fact, PacketDropped):
            self.drops[fact.reason] += 1
        elif isinstance(fact, LoopSent):
            self.loops += 1
        elif isinstance(fact, PacketsHeld):
            lost = self.held - fact.count
            self.held -= lost
            self._in_times_s -= lost * (fact.at_s - self._origin_s)

    def still_here(self) -> list[tuple[float, int]]:
        """Return when each packet that waits here came, and its number."""
        return list(self._entered.values())

    def _left(self, fact: PacketOut) -> None:
        at_s = fact.at_s
        self.departures += 1
        self.held -= 1
        self._in_times_s -= at_s - self._origin_s
        self.live_sum_bits += self._entropy.bits
        entered_s, number = self._entered.pop(fact.replay_tag)
        if self._add_visit is not None:
            self._add_visit(_ROW(number, self.place, entered_s, at_s))

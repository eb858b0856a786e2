"""Links between simulated nodes and users: latency by the scenario's model, loss, and an observer of all wires.

They are links in memory (`loopixmix.net.memory`), which stand where TLS links stand. Frames that leave for one peer
within one instant travel together, as TLS links coalesce writes. Apart from that each frame takes the time drawn for
it, so that one may overtake another. The links of tests keep the order of frames, and these must not: latency
models draw for each packet, and with independent latencies every frame would be as late as the latest before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from loopixmix.net.memory import FramesArrived, MemoryEnd, Switchboard
from loopixmix.net.network import FramesReceived
from loopixmix.net.reception import Reception
from loopixmix.seams import Identity, Observer, Rng
from loopixmix.wire import is_packet
from simulations.latency import LatencyModel
from simulations.world.clock import EventClock

Tap: TypeAlias = Callable[[float, Identity, Identity, bytes], object]
"""Is told of one frame: the time in seconds, the sender, the receiver, the frame."""
Departure: TypeAlias = Callable[[bytes, float], object]
"""Is told of a frame that leaves somebody, and when."""
OnWay: TypeAlias = Callable[[bytes, float], object]
"""Is told of a frame that a link takes, and for how many seconds."""
Intercept: TypeAlias = Callable[[Identity, Identity, bytes], bool]
"""Judges one frame from a sender to a receiver; if it says false the adversary holds the frame back for good."""

_ANYWHERE = 0


class _Flight(msgspec.Struct, eq=False):
    """Frames that left together; `frames` is empty once they have arrived."""

    wires: Wires
    sender: Identity
    receiver: Identity
    arrived: FramesArrived
    left_at_s: float
    latency_s: float
    frames: list[bytes]

    def arrive(self) -> None:
        frames, self.frames = self.frames, []
        wires = self.wires
        # Compared by identity: a user that has left and come back has a new link, and frames of the old one are lost
        # with it.
        if wires.receivers.get(self.receiver) is not self.arrived:
            return  # that link has ended meanwhile
        if wires.arrival_taps:
            wires.show_arrival(self.sender, self.receiver, frames)
        self.arrived(self.sender, frames)


class _Way(msgspec.Struct, eq=False):
    """From one sender to one receiver: where that one is, and what has left last."""

    place: int
    flight: _Flight | None = None


class Wires(Switchboard):
    """Everything that joins the nodes and users of a world.

    `taps` are told of each frame when it leaves its sender and `arrival_taps` when it reaches its receiver; neither
    sees what `intercept` held back or the link lost, except that `taps` see what is lost afterwards.
    """

    def __init__(
        self, *, clock: EventClock, rng: Rng, latency: LatencyModel, loss: float, places: Mapping[Identity, int]
    ) -> None:
        """`rng`: draws latencies and losses; `loss`: the share of frames that is lost, 0 to below 1.

        `places`: the numbers of `simulations.latency.Places` by node id; a node that is not in it is at provider 0's.
        """
        super().__init__(clock)
        self.clock: EventClock = clock
        self.taps: list[Tap] = []
        self.arrival_taps: list[Tap] = []
        self.intercept: Intercept | None = None
        self.carried = 0
        """Frames that links brought on their way."""
        self.lost = 0
        """Frames that links lost."""
        self.held_back = 0
        """Frames that `intercept` held back."""
        self.on_lost: Callable[[bytes], object] | None = None
        """Is told of each frame that a link lost."""
        self.on_way: OnWay | None = None
        """Is told of each frame that is under way, before it arrives."""
        self.rng = rng
        self.latency = latency
        self.places = places
        self.loss = loss

    def network(self, identity: Identity, *, observer: Observer, reception: Reception | None = None) -> WireEnd:
        """Return the network as `identity` sees it; without `reception` it can only send."""
        return WireEnd(self, identity, observer, reception)

    def ground(self) -> None:
        """Forget everything under way; no call is left."""
        # Looked for among all calls, and kept in no list of their own: frames are millions, and worlds end once.
        for call in self.clock.getDelayedCalls():
            if isinstance(getattr(call.function, "__self__", None), _Flight):
                call.cancel()

    def passes(self, sender: Identity, receiver: Identity, frame: bytes) -> bool:
        """Show a frame to the adversary and the taps, and let the link lose it; true if it is still under way."""
        if self.intercept is not None and not self.intercept(sender, receiver, frame):
            self.held_back += 1
            return False
        for tap in self.taps:
            tap(self.clock.seconds(), sender, receiver, frame)
        if self.loss and self.rng.random() < self.loss:
            self.lost += 1
            if self.on_lost is not None:
                self.on_lost(frame)
            return False
        return True

    def show_arrival(self, sender: Identity, receiver: Identity, frames: Sequence[bytes]) -> None:
        """Show frames that have arrived to the taps at the receivers' ends."""
        for tap in self.arrival_taps:
            for frame in frames:
                tap(self.clock.seconds(), sender, receiver, frame)


class WireEnd(MemoryEnd):
    """The network seam of one node or user."""

    def __init__(self, wires: Wires, identity: Identity, observer: Observer, reception: Reception | None) -> None:
        """Use `Wires.network`."""
        super().__init__(wires, identity, observer, reception)
        self.wires = wires
        self.sent_frames = 0
        """Frames that left here."""
        self.sent_bytes = 0
        """Their length."""
        self.received_bytes = 0
        """Length of the frames that came here, if `counts` was set before `start`."""
        self.undelivered_answers = 0
        """Frames without a receiver that were no packets: answers to users that left after they had pulled."""
        self.counts = False
        self.departures: Departure | None = None
        """Is told of each frame that leaves here."""
        self._place = wires.places.get(identity, _ANYWHERE)
        self._seconds, self._call_later = wires.clock.seconds, wires.clock.callLater
        self._draw_s = wires.latency.draw_s
        self._arrived: FramesArrived | None = None
        self._ways: dict[Identity, _Way] = {}

    def start(self, received: FramesReceived) -> None:
        """Begin to receive."""
        super().start(received)
        self._arrived = self._count if self.counts else self.arrived
        self.wires.attach(self.identity, self._arrived)

    def plug(self) -> None:
        """Be linked again after `stop`."""
        if self._arrived is not None:
            self.wires.attach(self.identity, self._arrived)

    def send(self, peer: Identity, frame: bytes) -> bool:
        """Send one frame; false, and an observed drop, if `peer` is not there."""
        wires = self.wires
        arrived = wires.receivers.get(peer)
        now_s = self._seconds()
        if arrived is None:
            self.undelivered_answers += not is_packet(frame)
            return self.drop()
        self.sent_frames += 1
        self.sent_bytes += len(frame)
        if self.departures is not None:
            self.departures(frame, now_s)
        # Most worlds have neither loss nor an adversary, and this runs for every frame.
        looked_at = wires.taps or wires.loss or wires.intercept is not None
        if looked_at and not wires.passes(self.identity, peer, frame):
            return True
        wires.carried += 1
        way = self._ways.get(peer)
        if way is None:
            way = self._ways[peer] = _Way(wires.places.get(peer, _ANYWHERE))
        # An empty flight has arrived, within this very instant: what leaves now is another one.
        flight = way.flight
        if flight is not None and flight.left_at_s == now_s and flight.frames:
            flight.frames.append(frame)
        else:
            latency_s = self._draw_s(self._place, way.place, wires.rng)
            way.flight = flight = _Flight(wires, self.identity, peer, arrived, now_s, latency_s, [frame])
            self._call_later(latency_s, flight.arrive)
        if wires.on_way is not None:
            wires.on_way(frame, flight.latency_s)
        return True

    def _count(self, sender: Identity, frames: Sequence[bytes]) -> None:
        self.received_bytes += len(frames) * len(frames[0])
        self.arrived(sender, frames)

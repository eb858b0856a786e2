"""Links in memory: several nodes of one process on one clock, with latency and loss.

It implements the network seam as TLS links do, so that simulations and tests run the shipped services unchanged:
delivery is in order for each pair of nodes, the frames that leave within one instant arrive as one list, and a frame
for a node that is not there is a counted drop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from twisted.internet.defer import Deferred, succeed

from loopixmix.errors import MisuseError
from loopixmix.net.address import PeerAddress
from loopixmix.seams import (
    Clock,
    DelayedCall,
    DropReason,
    FramesReceived,
    LinkRefused,
    NodeId,
    Observer,
    PacketDropped,
    RefusalReason,
    Rng,
)

Latency: TypeAlias = float | Callable[[NodeId, NodeId], float]
"""Seconds from sender to receiver: one figure for all, or drawn for (sender, receiver) at each departure."""


@dataclass(slots=True)
class _Flight:
    """Frames that left together, and the call that will bring them."""

    left_at_s: float
    arrives_at_s: float
    frames: list[bytes]
    arrival: DelayedCall | None = None


@dataclass(slots=True)
class _Route:
    """What is under way from one node to another, oldest first."""

    sender: NodeId
    receiver: NodeId
    flights: deque[_Flight] = field(default_factory=deque)


class MemoryHub:
    """Joins the networks of several nodes."""

    def __init__(self, *, clock: Clock, rng: Rng, latency_s: Latency, loss: float) -> None:
        """Take the clock all nodes share; each frame is lost with probability `loss` (0 to 1, drawn from `rng`)."""
        if not 0 <= loss <= 1:
            raise MisuseError(f"loss is a probability, not {loss}")
        self.clock = clock
        self._rng = rng
        self._latency_s = latency_s
        self._loss = loss
        self._receivers: dict[NodeId, FramesReceived] = {}
        self._routes: dict[tuple[NodeId, NodeId], _Route] = {}

    def network(self, node_id: NodeId, *, observer: Observer) -> MemoryNetwork:
        """Return the network as the node `node_id` sees it."""
        return MemoryNetwork(self, node_id, observer)

    def attach(self, node_id: NodeId, received: FramesReceived) -> None:
        """Deliver frames for `node_id` to `received` from now on."""
        self._receivers[node_id] = received

    def detach(self, node_id: NodeId) -> None:
        """Take a node away; what is under way to it is lost."""
        self._receivers.pop(node_id, None)
        for route in self._routes.values():
            if route.receiver == node_id:
                self._forget(route)

    def is_attached(self, node_id: NodeId) -> bool:
        """Tell whether a node is there to receive."""
        return node_id in self._receivers

    def carry(self, sender: NodeId, receiver: NodeId, frame: bytes) -> None:
        """Put one frame under way, or lose it."""
        if self._loss and self._rng.random() < self._loss:
            return
        route = self._routes.get((sender, receiver))
        if route is None:
            route = self._routes[sender, receiver] = _Route(sender, receiver)
        now_s = self.clock.seconds()
        if route.flights and route.flights[-1].left_at_s == now_s:
            route.flights[-1].frames.append(frame)
            return
        arrives_at_s = now_s + self._draw_latency_s(sender, receiver)
        if route.flights:
            arrives_at_s = max(arrives_at_s, route.flights[-1].arrives_at_s)
        flight = _Flight(now_s, arrives_at_s, [frame])
        route.flights.append(flight)
        flight.arrival = self.clock.callLater(arrives_at_s - now_s, self._arrive, route)

    def _draw_latency_s(self, sender: NodeId, receiver: NodeId) -> float:
        return self._latency_s(sender, receiver) if callable(self._latency_s) else self._latency_s

    def _arrive(self, route: _Route) -> None:
        # The oldest, whichever call fired: rounding may swap two calls, and frames keep their order all the same.
        flight = route.flights.popleft()
        received = self._receivers.get(route.receiver)
        if received is not None:
            received(route.sender, flight.frames)

    def _forget(self, route: _Route) -> None:
        for flight in route.flights:
            if flight.arrival is not None and flight.arrival.active():
                flight.arrival.cancel()
        route.flights.clear()


class MemoryNetwork:
    """The network seam for one node on a `MemoryHub`."""

    def __init__(self, hub: MemoryHub, node_id: NodeId, observer: Observer) -> None:
        """Use `MemoryHub.network`."""
        self._hub = hub
        self._observer = observer
        self.node_id = node_id
        self.peers: dict[NodeId, PeerAddress] = {}

    def start(self, received: FramesReceived) -> None:
        """Begin to receive."""
        self._hub.attach(self.node_id, received)

    def send(self, peer: NodeId, frame: bytes) -> bool:
        """Send one frame; false, and an observed drop, where `peer` is not on the hub."""
        if not self._hub.is_attached(peer):
            self._observer.observe(PacketDropped(self._hub.clock.seconds(), DropReason.NO_LINK))
            return False
        self._hub.carry(self.node_id, peer, frame)
        return True

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        """Give the address back: on a hub everybody is reached by name."""
        return succeed(PeerAddress(host, port))

    def disconnect(self, peer: NodeId, reason: RefusalReason) -> None:  # noqa: ARG002
        """Observe the refusal; on a hub the peer comes again at once."""
        self._observer.observe(LinkRefused(self._hub.clock.seconds(), reason))

    def is_open(self, peer: NodeId) -> bool:
        """Tell whether `peer` is on the hub."""
        return self._hub.is_attached(peer)

    def problem(self, peer: NodeId) -> str | None:
        """Return one line that says why a peer cannot be reached."""
        return None if self.is_open(peer) else f"no link to {peer.hex()[:16]}: it is not on the hub"

    def set_peers(self, peers: Mapping[NodeId, PeerAddress]) -> None:
        """Remember the peers, as a test may ask for them; a hub needs no addresses."""
        self.peers = dict(peers)

    def stop(self) -> Deferred[None]:
        """Leave the hub: nothing is received any more and no call of ours is left."""
        self._hub.detach(self.node_id)
        return succeed(None)

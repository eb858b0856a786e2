"""Links of tests: in memory, with latency and loss.

Delivery is in order for each pair of nodes, the frames that leave within one instant arrive as one list, and a frame
for a node that is not there is a counted drop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from loopixmix.errors import MisuseError
from loopixmix.net.address import PeerAddress
from loopixmix.net.memory import MemoryEnd, Switchboard
from loopixmix.net.reception import Reception
from loopixmix.seams import Clock, DelayedCall, Identity, Observer, Rng

Latency: TypeAlias = float | Callable[[Identity, Identity], float]
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
    """The frames that are under way from one node to another, oldest first."""

    sender: Identity
    receiver: Identity
    flights: deque[_Flight] = field(default_factory=deque)


class MemoryHub(Switchboard):
    """Joins the networks of several nodes."""

    def __init__(self, *, clock: Clock, rng: Rng, latency_s: Latency, loss: float) -> None:
        """`latency_s`: see `Latency`; `loss`: the probability that a frame is lost (0 to 1, drawn from `rng`)."""
        if not 0 <= loss <= 1:
            raise MisuseError(f"loss is a probability, not {loss}")
        super().__init__(clock)
        self._rng = rng
        self._latency_s = latency_s
        self._loss = loss
        self._routes: dict[tuple[Identity, Identity], _Route] = {}

    def network(self, identity: Identity, *, observer: Observer, reception: Reception | None = None) -> MemoryNetwork:
        """Return the network as the node `identity` sees it; without `reception` it can only send."""
        return MemoryNetwork(self, identity, observer, reception)

    def detach(self, identity: Identity) -> None:
        """Take a node away; frames that are under way to it are lost, and no call is left."""
        super().detach(identity)
        for route in self._routes.values():
            if route.receiver == identity:
                self._forget(route)

    def carry(self, sender: Identity, receiver: Identity, frame: bytes) -> None:
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

    def _draw_latency_s(self, sender: Identity, receiver: Identity) -> float:
        return self._latency_s(sender, receiver) if callable(self._latency_s) else self._latency_s

    def _arrive(self, route: _Route) -> None:
        # The oldest, whichever call fired: rounding may swap two calls, and frames keep their order all the same.
        flight = route.flights.popleft()
        arrived = self.receivers.get(route.receiver)
        if arrived is not None:
            arrived(route.sender, flight.frames)

    def _forget(self, route: _Route) -> None:
        for flight in route.flights:
            if flight.arrival is not None and flight.arrival.active():
                flight.arrival.cancel()
        route.flights.clear()


class MemoryNetwork(MemoryEnd):
    """The network seam for one node on a `MemoryHub`."""

    def __init__(self, hub: MemoryHub, identity: Identity, observer: Observer, reception: Reception | None) -> None:
        """Use `MemoryHub.network`."""
        super().__init__(hub, identity, observer, reception)
        self._hub = hub
        self.peers: dict[Identity, PeerAddress] = {}

    def send(self, peer: Identity, frame: bytes) -> bool:
        """Send one frame; false, and an observed drop, if `peer` is not on the hub."""
        if not self._hub.is_attached(peer):
            return self.drop()
        self._hub.carry(self.identity, peer, frame)
        return True

    def is_open(self, peer: Identity) -> bool:
        """Tell whether `peer` is on the hub."""
        return self._hub.is_attached(peer)

    def problem(self, peer: Identity) -> str | None:
        """Return one line that says why a peer cannot be reached."""
        return None if self.is_open(peer) else f"no link to {peer.hex()[:16]}: it is not on the hub"

    def set_peers(self, peers: Mapping[Identity, PeerAddress]) -> None:
        """Remember the peers, as a test may ask for them; a hub needs no addresses."""
        self.peers = dict(peers)

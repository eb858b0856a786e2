"""Links in memory: several nodes of one process on one clock, with latency and loss.

They stand where TLS links stand, so that simulations and tests run the shipped services unchanged. `Switchboard` and
`MemoryEnd` are common to all links in memory: the nodes that receive, and the network as one node sees it.
Two kinds of links are built on them. Those of tests keep frames in order. Those of simulations
(`simulations.world.links`) keep no order, because their latency is drawn for each packet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from twisted.internet.defer import Deferred, succeed

from loopixmix.drops import DropReason
from loopixmix.net.address import PeerAddress
from loopixmix.net.network import FramesReceived
from loopixmix.net.reception import Reception, RefusedError
from loopixmix.seams import Clock, Identity, LinkRefused, Observer, PacketDropped

FramesArrived: TypeAlias = Callable[[Identity, Sequence[bytes]], None]
"""Called with the sender and its whole frames, as they came over the wire."""


class Switchboard:
    """The nodes that receive, on one clock. `receivers`: for each of them, the function that takes its frames."""

    def __init__(self, clock: Clock) -> None:
        """`clock`: the one that all nodes share."""
        self.clock = clock
        self.receivers: dict[Identity, FramesArrived] = {}

    def attach(self, identity: Identity, arrived: FramesArrived) -> None:
        """Deliver frames for `identity` to `arrived` from now on."""
        self.receivers[identity] = arrived

    def detach(self, identity: Identity) -> None:
        """Take a node away; frames that are under way to it are lost."""
        self.receivers.pop(identity, None)

    def is_attached(self, identity: Identity) -> bool:
        """Tell whether a node is there to receive."""
        return identity in self.receivers


class MemoryEnd:
    """The network seam of one node on a switchboard; a subclass says in `send` how a frame travels."""

    def __init__(
        self, switchboard: Switchboard, identity: Identity, observer: Observer, reception: Reception | None
    ) -> None:
        """`observer` is told of frames that found no link, and of refused peers.

        `reception` judges what comes in; None if this end only sends.
        """
        self._switchboard = switchboard
        self._observer = observer
        self._reception = reception
        self._received: FramesReceived | None = None
        self.identity = identity

    def start(self, received: FramesReceived) -> None:
        """Begin to receive."""
        self._received = received
        self._switchboard.attach(self.identity, self.arrived)

    def arrived(self, sender: Identity, frames: Sequence[bytes]) -> None:
        """Judge the frames that came and pass them on, or observe the refusal: in memory the peer comes again."""
        if self._reception is None or self._received is None:
            return
        try:
            packets, others = self._reception.sort(sender, frames)
        except RefusedError as error:
            self._observer.observe(LinkRefused(self._switchboard.clock.seconds(), error.reason))
            return
        if packets or others:
            self._received(sender, packets, others)

    def vouch(self, peer: Identity, *, queue_frames: int) -> None:
        """Links in memory cost nothing, and all stay."""

    def doubt(self, peer: Identity) -> None:
        """And stay all the same."""

    def know_nodes(self, nodes: Mapping[Identity, PeerAddress]) -> None:
        """There are no places to keep."""

    def stop(self) -> Deferred[None]:
        """Leave: nothing is received any more."""
        self._switchboard.detach(self.identity)
        return succeed(None)

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        """Give the address back: in memory everybody is reached by name."""
        return succeed(PeerAddress(host, port))

    def drop(self) -> bool:
        """Observe that a frame found no link, and return false as `send` does then."""
        self._observer.observe(PacketDropped(self._switchboard.clock.seconds(), DropReason.NO_LINK))
        return False

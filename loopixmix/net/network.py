"""What a node's network offers beyond the seam that services send and receive on: which peers there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from twisted.internet.defer import Deferred

from loopixmix.net.address import PeerAddress
from loopixmix.seams import FramesReceived, Network, NodeId, RefusalReason


@runtime_checkable
class LinkNetwork(Network, Protocol):
    """A network whose links are known: `TlsNetwork` in production, `MemoryNetwork` in tests and simulations."""

    def start(self, received: FramesReceived) -> None:
        """Begin to receive."""

    def send(self, peer: NodeId, frame: bytes) -> bool:
        """Queue one frame for `peer`; false, and an observed drop, where it cannot go."""

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        """Accept links on an address; gives it back with the port that was taken, or fails with `ListenError`."""

    def set_peers(self, peers: Mapping[NodeId, PeerAddress]) -> None:
        """Keep links to these peers and to no others."""

    def disconnect(self, peer: NodeId, reason: RefusalReason) -> None:
        """End every link with `peer`, for what it did."""

    def is_open(self, peer: NodeId) -> bool:
        """Tell whether a frame for `peer` would go out now."""

    def problem(self, peer: NodeId) -> str | None:
        """Return one line that says why there is no link to a peer of ours; None where there is nothing to say."""

    def stop(self) -> Deferred[None]:
        """Close everything; when the result fires no socket and no delayed call of the network is left."""

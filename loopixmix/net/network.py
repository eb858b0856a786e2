"""The network of a node beyond the seam on which services send: receiving, and the peers to keep links with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from twisted.internet.defer import Deferred

from loopixmix.net.address import PeerAddress
from loopixmix.seams import Identity, Network
from loopixmix.wire import Frame

FramesReceived: TypeAlias = Callable[[Identity, Sequence[bytes], Sequence[Frame]], None]
"""Called with the authenticated peer, the packets that arrived from it, and the other frames, each in order.

All of them passed `loopixmix.net.reception`: they are whole, and the peer may send them.
"""


@runtime_checkable
class ReceivingNetwork(Network, Protocol):
    """A network that also brings the frames of peers: the whole seam that services are made on."""

    def start(self, received: FramesReceived) -> None:
        """Give all that arrives from now on to `received`."""


class AcceptingNetwork(ReceivingNetwork, Protocol):
    """A network to which strangers may make links: somebody has to vouch for those that are to stay."""

    def vouch(self, peer: Identity, *, queue_frames: int) -> None:
        """Let the link that `peer` made to us stay; so many frames may wait for it."""

    def doubt(self, peer: Identity) -> None:
        """Let the link that `peer` made to us end soon, unless somebody vouches for it again."""


@runtime_checkable
class LinkNetwork(AcceptingNetwork, Protocol):
    """A network whose links are known: `TlsNetwork` in production, a `MemoryEnd` in tests and simulations."""

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        """Accept links on an address; gives it back with the port that was taken, or fails with `ListenError`."""

    def set_peers(self, peers: Mapping[Identity, PeerAddress]) -> None:
        """Keep links to these peers and to no others."""

    def know_nodes(self, nodes: Mapping[Identity, PeerAddress]) -> None:
        """Keep places for the nodes of the network: for links of their keys, and connections from their addresses."""

    def is_open(self, peer: Identity) -> bool:
        """Tell whether a frame for `peer` would go out now."""

    def problem(self, peer: Identity) -> str | None:
        """Return one line that says why there is no link to a peer of ours; None if there is nothing to say."""

    def stop(self) -> Deferred[None]:
        """Close everything; when the result fires no socket and no delayed call of the network is left."""

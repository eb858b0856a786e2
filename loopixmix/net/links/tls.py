"""The network over TLS: links to and from peers, frames in and out (docs/protocol/link.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.keys import IdentityKey
from loopixmix.net.address import PeerAddress
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.context import PinnedConnections, make_context
from loopixmix.net.links.factory import link_factory, one_link
from loopixmix.net.links.handshake import Accepted, Dialled, LinkMachine, Side
from loopixmix.net.links.incoming import IncomingLinks
from loopixmix.net.links.link import Link, LinkOwner, LiveLinks
from loopixmix.net.links.outbox import Outbox, TurnEnd
from loopixmix.net.links.peer import PeerLink
from loopixmix.net.links.redial import Redial
from loopixmix.net.network import FramesReceived
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import ListeningPort, Sockets
from loopixmix.process.backoff import Backoff
from loopixmix.seams import Clock, Identity, Observer, PacketDropped, Rng
from loopixmix.wire import WIRE_VERSION, Frame, Hello

__all__ = ["LinkLimits", "PeerAddress", "TlsNetwork"]


class TlsNetwork:
    """The network seam over mutually authenticated, post-quantum TLS 1.3.

    Each node dials the peers it was given with `set_peers` and keeps those links; what it sends to them goes there. A
    peer that dialled us and is not one of ours, as a client does, is answered on its own link.
    """

    def __init__(
        self,
        *,
        identity_key: IdentityKey,
        network_id: bytes,
        reception: Reception,
        limits: LinkLimits,
        sockets: Sockets,
        clock: Clock,
        rng: Rng,
        observer: Observer,
    ) -> None:
        """`identity_key`: proves who we are. `network_id`: the network that both ends of a link must belong to.

        `reception`: judges peers and their frames. `limits`: the bounds on links. `sockets`: makes connections.
        """
        self.identity = identity_key.public
        self._reception = reception
        self._frame_bytes = reception.frames.frame_bytes
        self._hello = Hello(WIRE_VERSION, network_id, reception.frames.geometry_digest, reception.own)
        self._limits = limits
        self._sockets = sockets
        self._clock = clock
        self._rng = rng
        self._observer = observer
        self._context = make_context(identity_key)
        self._turn = TurnEnd(clock)
        self._live = LiveLinks()
        self._received: FramesReceived = _discard
        self._ports: list[ListeningPort] = []
        self._peers: dict[Identity, PeerLink] = {}
        self._accepted = Accepted(self._admits)
        self._incoming = IncomingLinks(
            make_link=lambda owner: self._make_link(
                self._accepted, owner, self._make_outbox(limits.incoming_queue_frames)
            ),
            is_stranger=reception.is_stranger,
            clock=clock,
            limits=limits,
            observer=observer,
        )
        self._stopped = False

    def start(self, received: FramesReceived) -> None:
        """Give the packets and frames that arrive to `received`, together as they came."""
        self._received = received

    def send(self, peer: Identity, frame: bytes) -> bool:
        """Queue one frame for `peer`; false, and an observed drop, if there is no link or its queue is full."""
        if len(frame) != self._frame_bytes:
            raise MisuseError(f"a frame has {self._frame_bytes} bytes, not {len(frame)}")
        # The link that we keep comes first, and then the one that the peer made: two nodes that send to each other have
        # both, and answers of a provider to its clients have only the second. Without either, frames wait for ours.
        ours = self._peers.get(peer)
        if ours is not None and ours.outbox.attached:
            return ours.outbox.put(frame)
        theirs = self._incoming.get(peer)
        if theirs is not None:
            return theirs.outbox.put(frame)
        if ours is not None:
            return ours.outbox.put(frame)
        self._observer.observe(PacketDropped(self._clock.seconds(), DropReason.NO_LINK))
        return False

    def listen(self, host: str, port: int) -> Deferred[PeerAddress]:
        """Accept links on an address; give it back with the port that was taken, or fail with `ListenError`."""
        return maybeDeferred(self._listen, host, port)

    def _listen(self, host: str, port: int) -> PeerAddress:
        factory = link_factory(
            PinnedConnections(self._context, self._accepted),
            self._incoming.accept,
            is_client=False,
            clock=self._clock,
        )
        listening = self._sockets.listen(host, port, factory)
        self._ports.append(listening)
        taken = listening.getHost()
        return PeerAddress(host, taken.port if isinstance(taken, IPv4Address | IPv6Address) else port)

    def set_peers(self, peers: Mapping[Identity, PeerAddress]) -> None:
        """Keep links to these peers only: dial new ones, follow moved ones, drop all others.

        Links that peers made to us are dropped, too, if the peer is not admitted now.
        """
        for peer in [peer for peer in self._peers if peer not in peers]:
            self._peers.pop(peer).stop()
        # At each document: a peer that is in none any more would otherwise stay linked for as long as it likes.
        self._incoming.keep(self._admits)
        for peer, address in peers.items():
            if peer in self._peers:
                self._peers[peer].move(address)
            elif peer != self.identity and not self._stopped:
                self._peers[peer] = link = self._make_peer_link(peer, address)
                link.start()

    def know_nodes(self, nodes: Mapping[Identity, PeerAddress]) -> None:
        """Keep places for the nodes of the network: for links of their keys, and connections from their addresses."""
        self._incoming.know_nodes({node: address.host for node, address in nodes.items()})

    def vouch(self, peer: Identity, *, queue_frames: int) -> None:
        """Let the link that `peer` made to us stay; so many frames may wait for it."""
        self._incoming.vouch(peer, queue_frames=queue_frames)

    def doubt(self, peer: Identity) -> None:
        """Let the link that `peer` made to us end soon, unless somebody vouches for it again."""
        self._incoming.doubt(peer)

    def is_open(self, peer: Identity) -> bool:
        """Tell whether a frame for `peer` would go out now."""
        ours = self._peers.get(peer)
        return (ours is not None and ours.is_open) or self._incoming.get(peer) is not None

    def let_read(self, peer: Identity, reads: bool) -> None:
        """Read what a peer of ours sends, or let it wait at the other end; a new link is read."""
        ours = self._peers.get(peer)
        if ours is not None:
            ours.let_read(reads)

    def problem(self, peer: Identity) -> str | None:
        """Return one line that says why there is no link to a peer of ours; None if there is nothing to say."""
        ours = self._peers.get(peer)
        return None if ours is None else ours.problem

    def stop(self) -> Deferred[None]:
        """Close everything; when the result fires no socket and no delayed call is left."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        # First of all, as connections that come while the old ones end would be links that nobody ends.
        self._stopped = True
        ports, self._ports = self._ports, []
        for port in ports:
            await maybeDeferred(port.stopListening)
        self.set_peers({})
        await self._live.close_all()
        self._turn.cancel()

    def _admits(self, peer: Identity) -> bool:
        return peer != self.identity and not self._stopped and self._reception.admits(peer)

    def _deliver(self, peer: Identity, packets: Sequence[bytes], others: Sequence[Frame]) -> None:
        self._received(peer, packets, others)

    def _make_link(self, side: Side, owner: LinkOwner, outbox: Outbox) -> Link:
        return Link(
            machine=LinkMachine(side=side, hello=self._hello, reception=self._reception),
            owner=owner,
            outbox=outbox,
            live=self._live,
            received=self._deliver,
            clock=self._clock,
            limits=self._limits,
            observer=self._observer,
        )

    def _make_outbox(self, queue_frames: int) -> Outbox:
        return Outbox(
            queue_frames=queue_frames,
            clock=self._clock,
            turn=self._turn,
            limits=self._limits,
            observer=self._observer,
        )

    def _make_peer_link(self, peer: Identity, address: PeerAddress) -> PeerLink:
        limits = self._limits
        backoff = Backoff(rng=self._rng, first_s=limits.backoff_first_s, longest_s=limits.backoff_longest_s)
        return PeerLink(
            peer,
            address,
            dial=self._dial,
            outbox=self._make_outbox(limits.queue_frames),
            redial=Redial(backoff, clock=self._clock, stable_s=limits.stable_s),
        )

    def _dial(self, owner: PeerLink) -> tuple[Link, Deferred[None]]:
        side = Dialled(owner.peer)
        link = self._make_link(side, owner, owner.outbox)
        factory = link_factory(
            PinnedConnections(self._context, side), one_link(link), is_client=True, clock=self._clock
        )
        connected = self._sockets.dial(owner.address, factory, timeout_s=self._limits.connect_timeout_s)
        return link, connected.addCallback(lambda _: None)


def _discard(_: Identity, _packets: Sequence[bytes], _others: Sequence[Frame]) -> None:
    """Lose the frames that arrive before `start`."""

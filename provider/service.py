"""The provider: first and last hop, mailboxes, clients' links and hosted services on one clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred

from loopixmix.cover.loops import LoopSender
from loopixmix.directory import Document
from loopixmix.errors import FormatError
from loopixmix.hop.service import HopService
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Network, NodeId
from loopixmix.wire import Dummy, FrameFormat, is_packet
from provider.clients.links import ClientLinks
from provider.hosting.host import ServiceHost
from provider.mailboxes.deliveries import Deliveries
from provider.mailboxes.housekeeping import Housekeeping
from provider.store.access import StoreAccess


class ProviderService:
    """One provider: starts, stops and describes its parts, and gives each frame to the part it concerns."""

    def __init__(
        self,
        *,
        hop: HopService,
        loops: LoopSender,
        clients: ClientLinks,
        deliveries: Deliveries,
        host: ServiceHost,
        housekeeping: Housekeeping,
        access: StoreAccess,
        network: Network,
        neighbourhood: Neighbourhood,
        frame_format: FrameFormat,
        refuse: Callable[[NodeId], object],
    ) -> None:
        """Take the parts; see `provider.wiring`, which makes them. Services and store are closed by `stopService`.

        `refuse` ends the link with a mix that sends garbage.
        """
        self.hop = hop
        self.loops = loops
        self.clients = clients
        self.deliveries = deliveries
        self._host = host
        self._housekeeping = housekeeping
        self._access = access
        self._network = network
        self._neighbourhood = neighbourhood
        self._frame_format = frame_format
        self._refuse = refuse

    @property
    def problem(self) -> str | None:
        """Why the provider cannot do its work just now, in one line; None if it can."""
        return self._access.problem

    def prepare(self, document: Document) -> None:
        """Take packets from the neighbours of the next epoch already: their clocks may be ahead of ours."""
        self.hop.adopt(document)
        self._neighbourhood.add(document)

    def adopt(self, document: Document) -> None:
        """Take up the network document of the present epoch."""
        self.prepare(document)
        self.loops.adopt(document)
        self.clients.adopt(document.params)
        self._housekeeping.adopt(document)

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Begin to receive, to serve clients and to send loops."""
        self.deliveries.start(self.hop.inject)
        self.hop.startService()  # type: ignore[no-untyped-call]
        self.loops.start()
        self._housekeeping.start()
        self._network.start(self._received)

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """Stop: what was accepted for a mailbox is written, packets in the provider are lost, no call is left."""
        self._housekeeping.stop()
        self.loops.stop()
        self.clients.stop()
        self.hop.stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        # Services first: what they are asked to put away may still go into the store.
        await self._host.close()
        await self._access.stop()

    def status(self) -> Mapping[str, str | int | float]:
        """Return what only a provider has to say of itself."""
        counts, counted, pulling = self.deliveries.counts, self._housekeeping.figures, self.clients.pulling
        return {
            "accounts": counted.accounts,
            "items": counted.items,
            "store_bytes": self._access.size_bytes,
            "clients": self.clients.known,
            "pulls": pulling.pulls,
            "pulls_per_s": round(pulling.pulls_per_s, 3),
            "items_given": pulling.items_given,
            "items_stored": counts.stored,
            "items_for_nobody": counts.unknown,
            "items_refused": counts.full,
            "items_expired": self._housekeeping.expired,
            "requests": self._host.answered,
            "services": " ".join(self._host.names),
        }

    def _received(self, peer: NodeId, frames: Sequence[bytes]) -> None:
        if peer not in self._neighbourhood.previous_hops:
            self.clients.received(peer, frames)
            return
        packets: list[bytes] = []
        try:
            for frame in frames:
                if is_packet(frame):
                    packets.append(self._frame_format.packet_of(frame))
                elif not isinstance(self._frame_format.decode(frame), Dummy):
                    raise FormatError("a mix sends packets and nothing else")
        except FormatError:
            self._refuse(peer)
        self.hop.take(peer, packets)

"""The provider: first and last hop, mailboxes, clients' links and hosted services on one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred

from loopixmix.cover.loops import LoopSender
from loopixmix.directory import Document
from loopixmix.hop.service import HopService
from loopixmix.net.network import AcceptingNetwork
from loopixmix.seams import Identity
from loopixmix.store.access import StoreAccess
from loopixmix.wire import Frame
from provider.clients.links import ClientLinks
from provider.hosting.host import ServiceHost
from provider.mailboxes.deliveries import Deliveries
from provider.mailboxes.housekeeping import Housekeeping


class ProviderService:
    """One provider: starts, stops and describes its parts, and tells mixes' packets from those of clients."""

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
        network: AcceptingNetwork,
    ) -> None:
        """All parts are made by `provider.wiring`.

        `hop`, `loops`: those of every node. `clients`: the way out of mailboxes. `deliveries`: the way into them.
        `host`: has the services, which `stop` closes. `access`: the store, which `stop` closes last.
        """
        self.hop = hop
        self.loops = loops
        self.clients = clients
        self.deliveries = deliveries
        self._host = host
        self._housekeeping = housekeeping
        self._access = access
        self._network = network

    @property
    def problem(self) -> str | None:
        """Why the provider cannot do its work just now, in one line; None if it can."""
        return self._access.problem or self._host.problem or self._housekeeping.problem

    def prepare(self, document: Document) -> None:
        """Take packets from the neighbours of the next epoch already: their clocks may be ahead of ours."""
        self.hop.adopt(document)

    def adopt(self, document: Document) -> None:
        """Take up the network document of the present epoch."""
        self.prepare(document)
        self.loops.adopt(document)
        self.clients.adopt(document.params, document.gateways_of(self.hop.identity))
        self._host.adopt(document.params)
        self._housekeeping.adopt(document)

    def start(self) -> None:
        """Begin to receive, to serve clients and to send loops."""
        self.hop.start(self.deliveries.arrived)
        self.loops.start()
        self._host.start()
        self._housekeeping.start()
        self._network.start(self._received)

    def stop(self) -> Deferred[None]:
        """Stop: items that were accepted for a mailbox are written, packets in the provider are lost.

        No call is left when the result fires.
        """
        self._housekeeping.stop()
        self.loops.stop()
        self.clients.stop()
        self.hop.stop()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        # Services first: a service that is asked to finish may still want to write to the store.
        await self._host.stop()
        await self._access.stop()

    def status(self) -> Mapping[str, str | int | float]:
        """Return the figures that only a provider has, for its status file."""
        counts, counted, pulling = self.deliveries.counts, self._housekeeping.figures, self.clients.pulling
        return {
            "accounts": counted.accounts,
            "guests": counted.guests,
            "items": counted.items,
            "store_bytes": self._housekeeping.store_bytes,
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
            **self._host.figures(),
        }

    def _received(self, peer: Identity, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        # A peer that stands before us in the network document is a mix, any other a client. A mix that has moved to
        # another layer counts as a client without an account.
        if self.hop.takes_from(peer):
            self.hop.take(peer, packets)
        else:
            self.clients.received(peer, packets, frames)

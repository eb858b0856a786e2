"""The part of a node that carries packets, once the network document has told their size: links, workers, service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred, maybeDeferred

from loopixmix.cover.loops import LoopSender
from loopixmix.directory import Document
from loopixmix.hop.service import HopService
from loopixmix.hop.unwrapping import ThreadedUnwrapping
from loopixmix.net.address import PeerAddress
from loopixmix.net.network import LinkNetwork
from loopixmix.process.pause import Pause
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import next_hops
from loopixmix.seams import Clock, Observer, Rng

DRAIN_STEP_S = 0.05


class NodeService(Protocol):
    """The service of a mix or a provider, as the process that runs it sees it."""

    hop: HopService
    loops: LoopSender

    @property
    def problem(self) -> str | None:
        """Why the service cannot do its work just now, in one line."""

    def prepare(self, document: Document) -> None:
        """Take up the document of the next epoch, as far as it holds already."""

    def adopt(self, document: Document) -> None:
        """Take up the document of the present epoch."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> Deferred[None] | None:
        """End; no call is left when the result fires."""

    def status(self) -> Mapping[str, str | int | float]:
        """Return the figures that only this role has, for the status file."""


@dataclass(frozen=True, kw_only=True)
class NodeParts:
    """The parts that the service of every role is made of; `directory` is the node's own."""

    directory: Path
    packet_format: PacketFormat
    hop: HopService
    loops: LoopSender
    network: LinkNetwork
    clock: Clock
    rng: Rng
    observer: Observer


MakeService: TypeAlias = Callable[[NodeParts], Awaitable[NodeService]]
"""Makes the service of a role; raises `StoreError` or `ConfigError` if it cannot."""


class RunningNode:
    """Links, worker thread and service of a node, for one format of packets."""

    def __init__(self, parts: NodeParts, *, unwrapping: ThreadedUnwrapping, make_service: MakeService) -> None:
        """`parts`: handed to `make_service`. `unwrapping`: a thread that is started and stopped with the service."""
        self._parts = parts
        self._unwrapping = unwrapping
        self._make_service = make_service
        self._neighbourhood = parts.hop.neighbourhood
        self._pause = Pause(parts.clock)
        self._hurry = False
        self.service: NodeService | None = None
        self.document: Document | None = None
        self._prepared: Document | None = None

    @property
    def packet_format(self) -> PacketFormat:
        """The packets it carries."""
        return self._parts.packet_format

    @property
    def unwraps_per_s(self) -> float:
        """How many packets one core unwraps in a second of its time, by the latest batches."""
        return self._unwrapping.unwraps_per_s / self._unwrapping.threads

    async def start(self, document: Document, listen: PeerAddress) -> None:
        """Make the service, start it and listen; raises `ListenError`, `StoreError` or `ConfigError`."""
        self._unwrapping.start()
        self.service = await self._make_service(self._parts)
        # It listens last: a peer that came before the document was taken up would be refused as a stranger.
        self.service.start()
        self.adopt(document)
        await self._parts.network.listen(listen.host, listen.port)

    def prepare(self, document: Document) -> None:
        """Take up the document of the next epoch, as far as it holds already."""
        self._prepared = document
        if self.service is not None:
            self.service.prepare(document)
        self._keep_links()

    def adopt(self, document: Document) -> None:
        """Take up the document of the present epoch."""
        self.document = document
        if self.service is not None:
            self.service.adopt(document)
        self._keep_links()

    async def stop(self, *, drain_s: float) -> None:
        """Let packets that wait leave, for `drain_s` at the longest, then end everything."""
        if self.service is not None:
            await self._drain(self.service, drain_s)
            await maybeDeferred(self.service.stop)
            self.service = None
        await self._parts.network.stop()
        self._unwrapping.stop()

    def hurry(self) -> None:
        """Wait for no packet any more."""
        self._hurry = True
        self._pause.wake()

    def link_problem(self) -> str | None:
        """Return why packets cannot go to every next hop of the present document; None if they can."""
        document, network = self.document, self._parts.network
        if document is None:
            return None
        missing = sorted(peer for peer in next_hops(document, self._parts.hop.identity) if not network.is_open(peer))
        if not missing:
            return None
        entry = document.node(missing[0])
        name = entry.name if entry else missing[0].hex()[:16]
        known = network.problem(missing[0])
        first = known.replace("no link to", f"no link to {name} at", 1) if known else f"no link to {name} yet"
        return first + (f" (and to {len(missing) - 1} more)" if len(missing) > 1 else "")

    def _keep_links(self) -> None:
        documents = [document for document in (self.document, self._prepared) if document is not None]
        nodes = {node.id: PeerAddress(node.host, node.port) for document in documents for node in document.nodes}
        self._parts.network.know_nodes(nodes)
        entries = (self._neighbourhood.entry(peer) for peer in self._neighbourhood.next_hops)
        self._parts.network.set_peers({e.id: PeerAddress(e.host, e.port) for e in entries if e is not None})

    async def _drain(self, service: NodeService, drain_s: float) -> None:
        # Both first: as long as loops leave and packets come in, there is always one that waits.
        service.loops.stop()
        service.hop.stop_taking()
        until_s = self._parts.clock.seconds() + drain_s
        while not (self._hurry or service.hop.idle) and self._parts.clock.seconds() < until_s:
            await self._pause.wait(DRAIN_STEP_S)

"""The provider: first and last hop, mailboxes, clients' links and hosted services on one clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from loopixmix.cover.loops import LoopSender
from loopixmix.directory import Document
from loopixmix.errors import FormatError
from loopixmix.hop.mixing import Arrived
from loopixmix.hop.service import HopLimits, HopService
from loopixmix.hop.unwrapping import Unwrapping
from loopixmix.keyring.keyring import Keyring
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Clock, DropReason, Network, NodeId, Observer, Rng
from loopixmix.sphinx import Reply
from loopixmix.wire import Dummy, Frame, is_packet
from provider.accounts import RegistrationRules
from provider.clients.enrolling import Enrolling
from provider.clients.links import ClientLinks, ClientRules
from provider.hosting.host import ServiceHost
from provider.mailbox import MailboxRules
from provider.mailboxes.deliveries import Deliveries
from provider.mailboxes.housekeeping import TURN_S, Housekeeping
from provider.store.access import StoreAccess
from provider.store.alarm import StoreAlarm


class ProviderRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides for mailboxes, registration and clients."""

    mailbox: MailboxRules = MailboxRules()
    registration: RegistrationRules = RegistrationRules()
    clients: ClientRules = ClientRules()


class ProviderService(Service):
    """One provider."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        keyring: Keyring,
        packet_format: PacketFormat,
        unwrapping: Unwrapping,
        limits: HopLimits,
        rules: ProviderRules,
        access: StoreAccess,
        host: ServiceHost,
        refuse: Callable[[NodeId], object],
        clock: Clock,
        network: Network,
        rng: Rng,
        observer: Observer,
    ) -> None:
        """Take the provider's id and keys, its store and services (both closed by `stopService`) and the seams.

        `refuse` ends the link with a peer that sends garbage.
        """
        self._node_id = node_id
        self._frames = packet_format.frames
        self._network = network
        self._refuse = refuse
        self._access = access
        self._alarm = StoreAlarm()
        self._host = host
        self._clock = clock
        self._neighbourhood = Neighbourhood(node_id)
        self._document: Document | None = None
        self._pulls_before = 0
        self._pulls_per_s = 0.0
        self.loops = LoopSender(
            node_id=node_id,
            packet_format=packet_format,
            clock=clock,
            network=network,
            rng=rng,
            observer=observer,
        )
        self.hop = HopService(
            node_id=node_id,
            keyring=keyring,
            frames=packet_format.frames,
            unwrapping=unwrapping,
            limits=limits,
            arrived=self._arrived,
            clock=clock,
            network=network,
            observer=observer,
        )
        self.deliveries = Deliveries(
            node_id=node_id,
            sphinx=packet_format.sphinx,
            access=access,
            alarm=self._alarm,
            host=host,
            inject=self.hop.inject,
            clock=clock,
            observer=observer,
        )
        self._enrolling = Enrolling(
            provider=node_id,
            access=access,
            alarm=self._alarm,
            rules=rules.registration,
            clock=clock,
            rng=rng,
            send=self._send,
            opened=lambda key: self.clients.registered(key),
        )
        self.clients = ClientLinks(
            access=access,
            alarm=self._alarm,
            frame_format=packet_format.frames,
            rules=rules.clients,
            lease_pulls=rules.mailbox.lease_pulls,
            clock=clock,
            observer=observer,
            send=network.send,
            submit=self.hop.take,
            enrol=self._enrolling.enrol,
            refuse=refuse,
        )
        self._housekeeping = Housekeeping(
            access=access,
            alarm=self._alarm,
            rules=rules.mailbox,
            clock=clock,
            may_expire=self._clock_is_right,
            each_turn=self._turn,
        )

    @property
    def problem(self) -> str | None:
        """Why the provider cannot do its work just now, in one line; None where it can."""
        return self._alarm.problem

    def prepare(self, document: Document) -> None:
        """Take packets from the neighbours of the next epoch already: their clocks may be ahead of ours."""
        self.hop.adopt(document)
        self._neighbourhood.add(document)

    def adopt(self, document: Document) -> None:
        """Take up the network document of the present epoch."""
        self.prepare(document)
        self._document = document
        self.loops.adopt(document)
        self.clients.adopt(document.params)

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Begin to receive, to serve clients and to send loops."""
        super().startService()  # type: ignore[no-untyped-call]
        self.hop.startService()  # type: ignore[no-untyped-call]
        self.loops.start()
        self._housekeeping.start()
        self._network.start(self._received)

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """Stop: what was accepted for a mailbox is written, packets in the provider are lost, no call is left."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._housekeeping.stop()
        self.loops.stop()
        self.clients.stop()
        self.hop.stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        await self._host.close()
        await self._access.stop()

    def status(self) -> Mapping[str, str | int | float]:
        """Return what only a provider has to say of itself."""
        counts, counted = self.deliveries.counts, self._housekeeping.figures
        return {
            "accounts": counted.accounts,
            "items": counted.items,
            "store_bytes": self._access.size_bytes,
            "clients": self.clients.known,
            "pulls": self.clients.pulling.pulls,
            "pulls_per_s": round(self._pulls_per_s, 3),
            "items_given": self.clients.pulling.items_given,
            "items_stored": counts.stored,
            "items_for_nobody": counts.unknown,
            "items_refused": counts.full,
            "items_expired": self._housekeeping.expired,
            "requests": self._host.answered,
            "services": " ".join(self._host.names),
        }

    def _clock_is_right(self) -> bool:
        """Tell whether the network agrees about the time: a clock set wrong must not make mail expire."""
        document, now_s = self._document, self._clock.seconds()
        return document is not None and document.valid_from_s <= now_s < document.valid_until_s

    def _turn(self) -> None:
        self.clients.forget_idle()
        self._pulls_per_s = (self.clients.pulling.pulls - self._pulls_before) / TURN_S
        self._pulls_before = self.clients.pulling.pulls

    def _received(self, peer: NodeId, frames: Sequence[bytes]) -> None:
        if peer not in self._neighbourhood.previous_hops:
            self.clients.received(peer, frames)
            return
        packets: list[bytes] = []
        try:
            for frame in frames:
                if is_packet(frame):
                    packets.append(self._frames.packet_of(frame))
                elif not isinstance(self._frames.decode(frame), Dummy):
                    raise FormatError("a mix sends packets and nothing else")
        except FormatError:
            self._refuse(peer)
        self.hop.take(peer, packets)

    def _arrived(self, arrived: Arrived) -> DropReason | None:
        match arrived.command:
            case Reply(recipient=recipient, surb_id=surb_id) if recipient == self._node_id:
                return self.loops.returned(surb_id, arrived.body)
            case _:
                return self.deliveries.arrived(arrived)

    def _send(self, key: NodeId, frame: Frame) -> None:
        self._network.send(key, self._frames.encode(frame))

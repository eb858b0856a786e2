"""A mix: takes packets from one layer, holds each for its delay, sends it to the next; and sends loops of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.application.service import Service

from loopixmix.cover.loops import LoopSender
from loopixmix.directory import Document
from loopixmix.errors import FormatError
from loopixmix.hop.mixing import Arrived
from loopixmix.hop.service import HopLimits, HopService
from loopixmix.hop.unwrapping import Unwrapping
from loopixmix.keyring.keyring import Keyring
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Clock, DropReason, Network, NodeId, Observer, Rng
from loopixmix.sphinx import Reply
from loopixmix.wire import Dummy, is_packet


class MixService(Service):
    """One mix."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        keyring: Keyring,
        packet_format: PacketFormat,
        unwrapping: Unwrapping,
        limits: HopLimits,
        refuse: Callable[[NodeId], object],
        clock: Clock,
        network: Network,
        rng: Rng,
        observer: Observer,
    ) -> None:
        """Take the mix's id and keys, limits and seams; `refuse` ends the link with a peer that sent garbage."""
        self._node_id = node_id
        self._frames = packet_format.frames
        self._refuse = refuse
        self._network = network
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

    @property
    def problem(self) -> str | None:
        """Why the mix cannot do its work: nothing of its own can keep it from it."""
        return None

    def status(self) -> Mapping[str, str | int | float]:
        """Return what only a mix has to say of itself: nothing."""
        return {}

    def prepare(self, document: Document) -> None:
        """Take packets for the neighbours of the next epoch already: their clocks may be ahead of ours."""
        self.hop.adopt(document)

    def adopt(self, document: Document) -> None:
        """Take up the network document of the present epoch."""
        self.hop.adopt(document)
        self.loops.adopt(document)

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Begin to receive, to forward and to send loops."""
        super().startService()  # type: ignore[no-untyped-call]
        self.hop.startService()  # type: ignore[no-untyped-call]
        self.loops.start()
        self._network.start(self._received)

    def stopService(self) -> None:  # noqa: N802
        """Stop at once: packets in the mix are lost, and no call is left."""
        super().stopService()  # type: ignore[no-untyped-call]
        self.loops.stop()
        self.hop.stopService()

    def _received(self, peer: NodeId, frames: Sequence[bytes]) -> None:
        packet_of = self._frames.packet_of
        packets: list[bytes] = []
        try:
            for frame in frames:
                if is_packet(frame):
                    packets.append(packet_of(frame))
                elif not isinstance(self._frames.decode(frame), Dummy):
                    raise FormatError("a mix takes packets and nothing else")
        except FormatError:
            self._refuse(peer)
        self.hop.take(peer, packets)

    def _arrived(self, arrived: Arrived) -> DropReason | None:
        match arrived.command:
            case Reply(recipient=recipient, surb_id=surb_id) if recipient == self._node_id:
                return self.loops.returned(surb_id, arrived.body)
            case Reply():
                return DropReason.UNKNOWN_REPLY
            case _:
                return DropReason.UNEXPECTED_COMMAND

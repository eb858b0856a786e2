"""A mix: takes packets from one layer, holds each for its delay, sends it to the next; and sends loops of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loopixmix.cover.loops import LoopSender
from loopixmix.directory import Document
from loopixmix.drops import DropReason
from loopixmix.hop.mixing import Arrived
from loopixmix.hop.service import HopService
from loopixmix.net.network import ReceivingNetwork
from loopixmix.seams import Identity
from loopixmix.sphinx import Reply
from loopixmix.wire import Frame


class MixService:
    """One mix."""

    def __init__(self, *, hop: HopService, loops: LoopSender, network: ReceivingNetwork) -> None:
        """`hop`: does the work on packets. `loops`: this mix's own cover. `network`: brings what neighbours send."""
        self.hop = hop
        self.loops = loops
        self._network = network

    @property
    def problem(self) -> str | None:
        """Why the mix cannot do its work. It has no store that could fail, so it never has a problem of its own."""
        return None

    def status(self) -> Mapping[str, str | int | float]:
        """Return the figures that only a mix has: there are none."""
        return {}

    def prepare(self, document: Document) -> None:
        """Take packets for the neighbours of the next epoch already: their clocks may be ahead of ours."""
        self.hop.adopt(document)

    def adopt(self, document: Document) -> None:
        """Take up the network document of the present epoch."""
        self.hop.adopt(document)
        self.loops.adopt(document)

    def start(self) -> None:
        """Begin to receive, to forward and to send loops."""
        self.hop.start(self._arrived)
        self.loops.start()
        self._network.start(self._received)

    def stop(self) -> None:
        """Stop at once: packets in the mix are lost, and no call is left."""
        self.loops.stop()
        self.hop.stop()

    def _received(self, peer: Identity, packets: Sequence[bytes], _frames: Sequence[Frame]) -> None:
        # Links carry nothing but packets to a mix (`loopixmix.wire.MAY_SEND`). A link with a mix of the layer behind
        # us is right too, as we send to it: so the layer is judged here, for each packet, and not at the handshake.
        self.hop.take_in_order(peer, packets)

    def _arrived(self, arrived: Arrived) -> DropReason | None:
        match arrived.command:
            case Reply(recipient=recipient, surb_id=surb_id) if recipient == self.hop.identity:
                return self.loops.returned(surb_id, arrived.body)
            case Reply():
                return DropReason.UNKNOWN_REPLY
            case _:
                return DropReason.UNEXPECTED_COMMAND

"""A fault of a packet, as one exception that carries the reason the drop is counted under."""

from __future__ import annotations

from loopixmix.drops import DropReason
from loopixmix.errors import PeerError


class PacketError(PeerError):
    """The packet is not valid."""

    def __init__(self, reason: DropReason) -> None:
        """`reason`: what the drop is counted under. Nothing of the packet itself is kept, as errors are logged."""
        super().__init__(f"the packet is not valid: {reason.value}")
        self.reason = reason

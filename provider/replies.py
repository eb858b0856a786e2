"""Uses reply blocks: what a provider has to say becomes packets that leave like those of others."""

from __future__ import annotations

from loopixmix.drops import DropReason
from loopixmix.hop.service import HopService
from loopixmix.sphinx import Sphinx, Surb, use_surb
from provider.drops import Drops


class ReplyBlocks:
    """The reply blocks that senders put into packets for one provider."""

    def __init__(self, *, hop: HopService, sphinx: Sphinx, drops: Drops) -> None:
        """`hop`: takes the packets that reply blocks make, as if they had come over a link. `drops`: hears of refusals.

        The geometry of `sphinx` is that of the blocks.
        """
        self._hop = hop
        self._sphinx = sphinx
        self._drops = drops

    def starts_here(self, block: bytes) -> bool:
        """Tell whether the way of an encoded reply block begins at this provider; count the others."""
        # The first hop is the first thing in it.
        if block.startswith(self._hop.identity):
            return True
        self._drops.count(DropReason.UNKNOWN_NEXT_HOP)
        return False

    def use(self, surb: Surb | None, payload: bytes) -> None:
        """Send `payload` by a reply block; nothing if there is none, or if its way begins elsewhere."""
        if surb is None:
            return
        if surb.first_hop != self._hop.identity:
            self._drops.count(DropReason.UNKNOWN_NEXT_HOP)
            return
        self._hop.inject([use_surb(surb, payload, sphinx=self._sphinx)])

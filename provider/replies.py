"""Uses reply blocks: what a provider has to say becomes packets that leave like those of others."""

from __future__ import annotations

from loopixmix.drops import DropReason
from loopixmix.hop.service import HopService
from loopixmix.sphinx import Sphinx, Surb, decode_surb, use_surb
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

    def starts_here(self, block: Surb | bytes) -> bool:
        """Tell whether the way of a reply block, encoded or not, begins at this provider; count the others."""
        # The first hop is the first thing in an encoded one.
        first_hop = block.first_hop if isinstance(block, Surb) else block[: len(self._hop.identity)]
        if first_hop == self._hop.identity:
            return True
        self._drops.count(DropReason.UNKNOWN_NEXT_HOP)
        return False

    def use(self, block: Surb | bytes | None, payload: bytes) -> None:
        """Send `payload` by a reply block; nothing if there is none, or if its way begins elsewhere."""
        if block is None or not self.starts_here(block):
            return
        surb = block if isinstance(block, Surb) else decode_surb(block, self._sphinx.geometry)
        self._hop.inject([use_surb(surb, payload, sphinx=self._sphinx)])

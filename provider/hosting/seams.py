"""What all services of a provider share of its world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from loopixmix.requests.parts import PartSize
from loopixmix.seams import Clock, Rng
from loopixmix.sphinx import Surb
from provider.drops import Drops
from provider.hosting.room import SharedRoom


class SpendsBlocks(Protocol):
    """Sends what is said by reply blocks."""

    def starts_here(self, block: Surb | bytes) -> bool:
        """Tell whether a reply block can be used here; count the others."""

    def use(self, block: Surb | bytes | None, payload: bytes) -> None:
        """Send `payload` by a reply block, if there is one."""


@dataclass(frozen=True, kw_only=True)
class HostingWorld:
    """`rng`: draws the intervals between shares. `drops`: hears of what got no answer. `size`: that of packets.

    `assembling`, `answering`: the memory for parts that came, and for answers that leave.
    """

    clock: Clock
    rng: Rng
    blocks: SpendsBlocks
    drops: Drops
    size: PartSize
    assembling: SharedRoom = field(repr=False)
    answering: SharedRoom = field(repr=False)

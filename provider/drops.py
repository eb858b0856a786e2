"""Tells the observer of packets that a provider drops."""

from __future__ import annotations

from loopixmix.drops import DropReason
from loopixmix.seams import Clock, Observer, PacketDropped


class Drops:
    """The packets that one provider dropped after they had come in: too many, for no account, not stored."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        """`clock`: its time is noted with each drop. `observer`: hears of them."""
        self._clock = clock
        self._observer = observer

    def count(self, reason: DropReason) -> None:
        """Tell that one packet went no further, and why. The sender is not told."""
        self._observer.observe(PacketDropped(self._clock.seconds(), reason))

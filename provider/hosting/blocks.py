"""The reply blocks that a provider holds for one request, until it uses them or their time is over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from loopixmix.sphinx import Surb

MAX_HELD = 256
"""For each request; the longest answer has 130 shares."""

Block: TypeAlias = Surb | bytes
"""As it came with its packet, or encoded among further ones. It is decoded only if it is used."""


class HeldBlocks:
    """Reply blocks by the last epoch in which they work."""

    __slots__ = ("_by_epoch", "_count")

    def __init__(self) -> None:
        """Begin empty."""
        self._by_epoch: dict[int, list[Block]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, last_epoch: int, blocks: Iterable[Block]) -> None:
        """Hold further blocks, up to `MAX_HELD`."""
        held = self._by_epoch.setdefault(last_epoch, [])
        for block in blocks:
            if self._count >= MAX_HELD:
                return
            held.append(block)
            self._count += 1

    def drop_before(self, epoch: int) -> None:
        """Forget the blocks that work only in epochs before `epoch`."""
        for last_epoch in [each for each in self._by_epoch if each < epoch]:
            self._count -= len(self._by_epoch.pop(last_epoch))

    def take(self) -> Block | None:
        """Take out one of those that end first; None if there is none."""
        if not self._count:
            return None
        epoch = min(epoch for epoch, held in self._by_epoch.items() if held)
        held = self._by_epoch[epoch]
        self._count -= 1
        return held.pop(0)

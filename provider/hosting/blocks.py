"""The reply blocks that a provider holds for one request, until it uses them or their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from loopixmix.sphinx import Surb

MAX_HELD = 256
"""For each request; the longest answer has 130 shares."""

Block: TypeAlias = Surb | bytes
"""As it came with its packet, or encoded among further ones. It is decoded only if it is used."""


class HeldBlocks(msgspec.Struct, gc=False):
    """Reply blocks, each with the last epoch in which it works."""

    # Those that end last stand first. One tuple, and no lists by epoch: thousands of requests are remembered that have
    # no block left, and each list would be one thing more for the garbage collector to look at.
    _held: tuple[tuple[int, Block], ...] = ()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, last_epoch: int, blocks: Sequence[Block]) -> None:
        """Hold further blocks, up to `MAX_HELD`."""
        new = [(last_epoch, block) for block in blocks[: MAX_HELD - len(self._held)]]
        # Of those that end together the one that came first stands last, and is used first.
        self._held = tuple(sorted([*reversed(new), *self._held], key=_last_epoch, reverse=True))

    def drop_before(self, epoch: int) -> None:
        """Forget the blocks that work only in epochs before `epoch`."""
        if self._held and self._held[-1][0] < epoch:
            self._held = tuple(held for held in self._held if held[0] >= epoch)

    def take(self) -> Block | None:
        """Take out one of those that end first; None if there is none."""
        if not self._held:
            return None
        *rest, (_, block) = self._held
        self._held = tuple(rest)
        return block


def _last_epoch(held: tuple[int, Block]) -> int:
    return held[0]

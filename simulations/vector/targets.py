"""Targets: the packets that are followed, spread over all that come, each equally likely."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray


class Targets:
    """One packet out of each `stride` packets in a row, drawn uniformly, `count` times.

    Packets are counted, and no moments drawn: the first packet after a random moment follows a longer gap than others,
    and meets one packet less in the pool.
    """

    def __init__(self, count: int, stride: float, generator: Generator) -> None:
        """`count`: how many, 0 or more; `stride`: one of so many packets, 1 or more."""
        # One in each stretch, not anywhere: targets that follow close on each other meet the same packets, and their
        # entropies go together.
        edges = np.floor(np.arange(count + 1) * max(stride, 1.0)).astype(np.int64)
        self._numbers = generator.integers(edges[:-1], edges[1:]) if count else edges[:0]
        self._seen = 0
        self._chosen = 0

    def among(self, packets: int) -> NDArray[np.int32]:
        """Return the indices, rising, of those among the next so many packets that are targets."""
        end = int(np.searchsorted(self._numbers, self._seen + packets))
        indices: NDArray[np.int32] = (self._numbers[self._chosen : end] - self._seen).astype(np.int32)
        self._seen += packets
        self._chosen = end
        return indices

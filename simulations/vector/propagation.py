"""Which implementation of the recursion is there: the native one, or the one in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simulations.vector import recursion
from simulations.vector.recursion import FloatArray, IntArray


class Propagation(Protocol):
    """See `simulations.vector.recursion.Propagation`."""

    @property
    def live_bits(self) -> FloatArray:
        """The mean of eq. 5 at each node; nan where nothing left in its window."""

    @property
    def active(self) -> int:
        """Targets that have mass on its way."""

    def push(
        self,
        nodes: Sequence[IntArray],
        enters_s: Sequence[FloatArray],
        leaves_s: Sequence[FloatArray],
        targets: IntArray,
    ) -> None:
        """Add packets, with the indices of those that are targets."""

    def advance(self, until_s: float) -> None:
        """Settle everything before a time."""

    def finish(self) -> FloatArray:
        """Settle everything and return the entropies in bits."""


def propagation(corrupt: Sequence[bool], *, live_from_s: float, live_until_s: float, bucket_s: float) -> Propagation:
    """Return an empty recursion over so many nodes; which of them are corrupt; when eq. 5 is averaged.

    `bucket_s`: how much is put in order at a time, best a thousand events; no result depends on it.
    """
    return recursion.Propagation(corrupt, live_from_s=live_from_s, live_until_s=live_until_s, bucket_s=bucket_s)

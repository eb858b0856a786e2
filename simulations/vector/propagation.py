"""Entropy by propagation, by the native implementation or in plain Python, with the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

from loopixmix.errors import MisuseError
from simulations.vector import recursion
from simulations.vector.recursion import FloatArray, IntArray

try:
    from loopixmix._native import Propagation as _Compiled
except ImportError:
    HAS_NATIVE = False
else:
    HAS_NATIVE = True

# Events of one bucket of the native calendar, 24 bytes each: few buckets, each far ahead of what is settled.
BUCKET_EVENTS = 1 << 19


class Propagation(Protocol):
    """See `simulations.vector.recursion.Propagation`."""

    @property
    def live_bits(self) -> FloatArray:
        """The mean of eq. 5 at each node; nan if nothing left in its window."""

    @property
    def active(self) -> int:
        """Targets that have mass on its way, and those that are yet to come."""

    def push(
        self,
        nodes: Sequence[IntArray],
        enters_s: Sequence[FloatArray],
        leaves_s: Sequence[FloatArray],
        targets: IntArray,
    ) -> None:
        """Add packets, with the indices of those that are targets; raise `MisuseError` if they do not fit."""

    def advance(self, until_s: float) -> None:
        """Settle what is before a time."""

    def finish(self) -> FloatArray:
        """Settle everything and return the entropies in bits."""


class NativePropagation:
    """`loopixmix._native.Propagation` with arrays; one column of times may stand for two, if links take no time."""

    def __init__(self, corrupt: Sequence[bool], *, live_from_s: float, live_until_s: float, bucket_s: float) -> None:
        """See `propagation`."""
        self._compiled = _Compiled(list(corrupt), live_from_s=live_from_s, live_until_s=live_until_s, bucket_s=bucket_s)

    @property
    def live_bits(self) -> FloatArray:
        """The mean of eq. 5 at each node; nan if nothing left in its window."""
        return np.array(self._compiled.live_bits)

    @property
    def active(self) -> int:
        """Targets that have mass on its way, and those that are yet to come."""
        return self._compiled.active

    def push(
        self,
        nodes: Sequence[IntArray],
        enters_s: Sequence[FloatArray],
        leaves_s: Sequence[FloatArray],
        targets: IntArray,
    ) -> None:
        """Add packets, with the indices of those that are targets; raise `MisuseError` if they do not fit."""
        try:
            self._compiled.push(nodes, enters_s, leaves_s, targets)
        except ValueError as error:
            raise MisuseError(str(error)) from error

    def advance(self, until_s: float) -> None:
        """Settle what is before a time."""
        self._compiled.advance(until_s)

    def finish(self) -> FloatArray:
        """Settle everything and return the entropies in bits."""
        return np.array(self._compiled.finish())


def propagation(
    corrupt: Sequence[bool],
    *,
    live_from_s: float,
    live_until_s: float,
    events_per_s: float,
    implementation: Literal["native", "python"] | None = None,
) -> Propagation:
    """Return an empty recursion: which nodes are corrupt, and between which times eq. 5 is averaged.

    `events_per_s`: how many arrivals and departures to expect, positive; it decides on memory and speed, not on
    results. `implementation`: the faster one that is there unless given. Raises `MisuseError` if it is not there.
    """
    if implementation == "native" and not HAS_NATIVE:
        raise MisuseError("the native implementation is not there")
    if implementation == "python" or not HAS_NATIVE:
        return recursion.Propagation(corrupt, live_from_s=live_from_s, live_until_s=live_until_s)
    bucket_s = min(max(BUCKET_EVENTS / events_per_s, 1e-9), 1e9)
    return NativePropagation(corrupt, live_from_s=live_from_s, live_until_s=live_until_s, bucket_s=bucket_s)

"""The latency of links, as engines use it: seconds between two places, for one packet or for many."""

from __future__ import annotations

from random import Random
from typing import Protocol, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.signedinteger]
FloatArray: TypeAlias = NDArray[np.float64]


class LatencyModel(Protocol):
    """How long packets are on links. Places are those of `simulations.latency.places.Places`."""

    def draw_s(self, sender: int, receiver: int, rng: Random) -> float:
        """Return the seconds of one packet from one place to another."""

    def draw_many_s(self, senders: IntArray, receivers: IntArray, generator: Generator) -> FloatArray:
        """Return the seconds of many packets: one for each pair of places, in an array of their shape."""

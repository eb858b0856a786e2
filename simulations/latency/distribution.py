"""Latencies that are the same between all places: constant, or drawn for each packet from one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.random import Generator

from simulations.latency.model import FloatArray, IntArray


@dataclass(frozen=True)
class ConstantLatency:
    """Each packet is `latency_s` on each link."""

    latency_s: float

    def draw_s(self, sender: int, receiver: int, rng: Random) -> float:  # noqa: ARG002 - the same for all
        """Return the latency; nothing is drawn."""
        return self.latency_s

    def draw_many_s(self, senders: IntArray, receivers: IntArray, generator: Generator) -> FloatArray:  # noqa: ARG002
        """Return the latency once for each pair; nothing is drawn."""
        return np.full(np.broadcast_shapes(np.shape(senders), np.shape(receivers)), self.latency_s)


@dataclass(frozen=True)
class UniformLatency:
    """Each packet draws its own time, uniformly from `low_s` to `high_s`."""

    low_s: float
    high_s: float

    def draw_s(self, sender: int, receiver: int, rng: Random) -> float:  # noqa: ARG002
        """Return one draw."""
        return self.low_s + (self.high_s - self.low_s) * rng.random()

    def draw_many_s(self, senders: IntArray, receivers: IntArray, generator: Generator) -> FloatArray:
        """Return one draw for each pair."""
        drawn = generator.random(np.broadcast_shapes(np.shape(senders), np.shape(receivers)))
        drawn *= self.high_s - self.low_s
        drawn += self.low_s
        return drawn


class QuantileLatency:
    """Each packet draws its own time from a distribution given by some of its quantiles (inverse transform).

    Between two points the quantile function is linear; below the first and above the last it is theirs.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        """`points`: (probability, seconds), rising, two or more."""
        self._probabilities = np.array([probability for probability, _ in points])
        self._seconds = np.array([seconds for _, seconds in points])

    def draw_s(self, sender: int, receiver: int, rng: Random) -> float:  # noqa: ARG002
        """Return one draw."""
        return float(np.interp(rng.random(), self._probabilities, self._seconds))

    def draw_many_s(self, senders: IntArray, receivers: IntArray, generator: Generator) -> FloatArray:
        """Return one draw for each pair."""
        drawn = generator.random(np.broadcast_shapes(np.shape(senders), np.shape(receivers)))
        return np.asarray(np.interp(drawn, self._probabilities, self._seconds), dtype=np.float64)

"""Poisson streams: the times at which packets leave, which nothing that a node or its user does can move."""

from __future__ import annotations

import math

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng


class PoissonStream:
    """A Poisson process: intervals are independent and exponential, so that no interval tells of another."""

    __slots__ = ("_rng", "rate_per_s")

    def __init__(self, rate_per_s: float, rng: Rng) -> None:
        """`rate_per_s`: the mean rate, positive and finite; raises `MisuseError` otherwise."""
        if not (rate_per_s > 0 and math.isfinite(rate_per_s)):
            raise MisuseError(f"a stream's rate must be positive, not {rate_per_s}")
        self.rate_per_s = rate_per_s
        self._rng = rng

    def next_interval_s(self) -> float:
        """Draw the time from one event to the next, in seconds, in floating point."""
        return self._rng.expovariate(self.rate_per_s)

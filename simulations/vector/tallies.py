"""Counts while journeys stream by: latencies, pools, rates and losses of the measured window."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from simulations.outcome import PROBABILITIES, Distribution
from simulations.vector.draws import LinkTimes
from simulations.vector.journeys import Stop, Where
from simulations.vector.recursion import NOWHERE, FloatArray
from simulations.vector.travel import Travelled

SAMPLES = 500_000
"""How many latencies are kept, one out of each so many; mean and standard deviation are of all."""


@dataclass(frozen=True)
class Window:
    """When things are measured."""

    from_s: float
    until_s: float

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.until_s - self.from_s

    def covers(self, enters_s: FloatArray, leaves_s: FloatArray) -> bool:
        """Tell whether all these stays lie in it."""
        return bool(enters_s.min() >= self.from_s and leaves_s.max() <= self.until_s)

    def held_s(self, enters_s: FloatArray, leaves_s: FloatArray) -> float:
        """Return the sum of all stays, as far as they lie in it."""
        if not enters_s.size:
            return 0.0
        # Most slices lie within the window as a whole, and two sums are cheaper than four comparisons of every stay.
        if self.covers(enters_s, leaves_s):
            return float(leaves_s.sum() - enters_s.sum())
        inside_s = np.minimum(leaves_s, self.until_s) - np.maximum(enters_s, self.from_s)
        return float(np.maximum(inside_s, 0.0).sum())

    def count(self, at_s: FloatArray) -> int:
        """Return how many of these times lie in it."""
        return int(np.count_nonzero((at_s >= self.from_s) & (at_s < self.until_s)))


@dataclass
class Latencies:
    """Mean and standard deviation of all latencies, and a sample of them with what links took of each."""

    stride: int
    count: int = 0
    _sum: float = 0.0
    _squares: float = 0.0
    _kept: list[FloatArray] = field(default_factory=list)
    _kept_links: list[FloatArray] = field(default_factory=list)

    def add(self, latencies_s: FloatArray, links_s: LinkTimes) -> None:
        """Take the latencies of packets in order, and what links took."""
        first = -self.count % self.stride
        # A copy: a slice would keep the whole column alive.
        kept = latencies_s[first :: self.stride].copy()
        self._kept.append(kept)
        on_links = links_s[first :: self.stride].copy() if isinstance(links_s, np.ndarray) else links_s
        self._kept_links.append(np.broadcast_to(on_links, kept.shape))
        self.count += len(latencies_s)
        self._sum += float(latencies_s.sum())
        self._squares += float(np.dot(latencies_s, latencies_s))

    @property
    def samples_s(self) -> FloatArray:
        """The sample."""
        return np.concatenate(self._kept) if self._kept else np.empty(0)

    @property
    def waits_s(self) -> FloatArray:
        """The same without links: delays, and waiting for processors."""
        return self.samples_s - (np.concatenate(self._kept_links) if self._kept_links else 0.0)

    def distribution(self) -> Distribution:
        """Return the distribution of one or more latencies."""
        mean = self._sum / self.count
        # Sums of squares lose digits if the spread is small beside the mean; that of latencies is as large as the mean.
        variance = max(self._squares - self.count * mean**2, 0.0) / max(self.count - 1, 1)
        quantiles = tuple(np.quantile(self.samples_s, PROBABILITIES).tolist())
        return Distribution(count=self.count, mean=mean, sd=sqrt(variance), quantiles=quantiles)


class Tallies:
    """All counts of one replicate."""

    def __init__(self, window: Window, *, expected_packets: float) -> None:
        """`window`: what is measured; `expected_packets`: about how many packets users will send in it."""
        self.window = window
        self.latencies = Latencies(stride=max(1, int(expected_packets / SAMPLES)))
        self.sent = 0
        self.lost = 0
        self.dropped = 0
        self.mix_arrivals = 0
        self.mixes_held_s = 0.0
        self.providers_held_s = 0.0

    def add(self, travelled: Travelled) -> None:
        """Count one batch of journeys of one kind."""
        if not travelled.drawn.starts_s.size:
            return
        for number, hop in enumerate(travelled.drawn.kind.hops):
            self._count_hop(hop, travelled, number)
        if travelled.drawn.kind.from_users:
            self._count_users_packets(travelled)

    def _count_hop(self, hop: Stop, travelled: Travelled, number: int) -> None:
        drawn = travelled.drawn
        enters_s, leaves_s = travelled.enters_s[number], travelled.leaves_s[number]
        # A mix unwraps its own loop when it comes home, though the loop does not wait there.
        is_loop_home = hop.where is Where.ORIGIN and bool(drawn.kind.origin)
        is_mix = hop.where is Where.LAYER or is_loop_home
        if not (is_mix or hop.holds):
            return
        places = drawn.places[number]
        if places.min() == NOWHERE:
            there: NDArray[np.bool_] = places != NOWHERE
            enters_s, leaves_s = enters_s[there], leaves_s[there]
        if is_mix:
            self.mix_arrivals += self.window.count(enters_s)
        if hop.where is Where.LAYER:
            self.mixes_held_s += self.window.held_s(enters_s, leaves_s)
        elif hop.holds:
            self.providers_held_s += self.window.held_s(enters_s, leaves_s)

    def _count_users_packets(self, travelled: Travelled) -> None:
        drawn, end = travelled.drawn, travelled.drawn.kind.end
        starts_s = drawn.starts_s
        begin, stop = np.searchsorted(starts_s, (self.window.from_s, self.window.until_s)).tolist()
        if begin == stop:
            return
        ends = drawn.places[end][begin:stop]
        latencies_s = travelled.leaves_s[end][begin:stop] - starts_s[begin:stop]
        links_s: LinkTimes = 0.0
        for link_s in drawn.links_s[: end + 1]:
            links_s = links_s + (link_s[begin:stop] if isinstance(link_s, np.ndarray) else link_s)
        self.sent += stop - begin
        if ends.min() == NOWHERE:
            arrived = ends != NOWHERE
            self.lost += int(len(arrived) - np.count_nonzero(arrived))
            latencies_s = latencies_s[arrived]
            links_s = links_s[arrived] if isinstance(links_s, np.ndarray) else links_s
        self.latencies.add(latencies_s, links_s)

"""The observers of a node: counts for status and metrics, live entropy, round trips of its loops."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from math import fsum
from statistics import fmean
from typing import cast

import msgspec

from loopixmix.observing.anonymity import LiveEntropy, LoopWatch
from loopixmix.seams import (
    Fact,
    LinkClosed,
    LinkOpened,
    LinkRefused,
    LoopLost,
    LoopReturned,
    LoopSent,
    Observer,
    PacketDelivered,
    PacketDropped,
    PacketIn,
    PacketOut,
    PacketsHeld,
)

ROUND_TRIPS_KEPT = 100
DEPARTURES_KEPT = 4096


class LoopCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The node's own loops; means and variance are of the latest `ROUND_TRIPS_KEPT` that came back.

    Round trips include links and processing; what was drawn for them does not. `expected_mean_s` is the mean of the
    Gamma distribution of their delays; `overhead_mean_s` what a round trip took beyond the delays drawn for it. Those
    that begin with `all` are of all since the start, so that what came between two moments can be told:
    `all_squares_s2` is the sum of squared deviations from `all_mean_s`.
    """

    sent: int = 0
    returned: int = 0
    lost: int = 0
    mean_s: float = 0.0
    variance_s2: float = 0.0
    expected_mean_s: float = 0.0
    overhead_mean_s: float = 0.0
    all_mean_s: float = 0.0
    all_squares_s2: float = 0.0
    all_overhead_mean_s: float = 0.0
    alarm: bool = False


class LinkCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The node's links: open now, opened and closed since the start, connections refused by reason."""

    open: int = 0
    opened: int = 0
    closed: int = 0
    refused: dict[str, int] = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything counted since the node started.

    `late_p99_s`: how long after it was due a packet leaves, the 99th percentile of the latest `DEPARTURES_KEPT`.
    """

    packets_in: int = 0
    packets_out: int = 0
    delivered: int = 0
    dropped: dict[str, int] = {}
    loops: LoopCounts = LoopCounts()
    entropy_bits: float = 0.0
    late_p99_s: float = 0.0
    links: LinkCounts = LinkCounts()


class RoundTrips:
    """The latest round trips of loops, which tell how the network is now, and the moments of all since the start."""

    __slots__ = ("_latest", "all_mean_s", "all_overhead_mean_s", "all_squares_s2", "count")

    def __init__(self) -> None:
        """Begin without any."""
        self.count = 0
        self.all_mean_s = self.all_squares_s2 = self.all_overhead_mean_s = 0.0
        self._latest: deque[LoopReturned] = deque(maxlen=ROUND_TRIPS_KEPT)

    def add(self, fact: LoopReturned) -> None:
        """Count one round trip."""
        self.count += 1
        self._latest.append(fact)
        # Welford's recurrence.
        apart_s = fact.round_trip_s - self.all_mean_s
        self.all_mean_s += apart_s / self.count
        self.all_squares_s2 += apart_s * (fact.round_trip_s - self.all_mean_s)
        self.all_overhead_mean_s += (fact.round_trip_s - fact.delays_s - self.all_overhead_mean_s) / self.count

    @property
    def mean_s(self) -> float:
        """The mean of the latest."""
        return fmean(trip.round_trip_s for trip in self._latest) if self._latest else 0.0

    @property
    def variance_s2(self) -> float:
        """The sample variance of the latest; 0 for fewer than two."""
        if len(self._latest) < 2:
            return 0.0
        # In floats: `statistics.variance` computes in fractions, a millisecond that every second packets would wait.
        mean_s = self.mean_s
        return fsum((trip.round_trip_s - mean_s) ** 2 for trip in self._latest) / (len(self._latest) - 1)

    @property
    def delays_mean_s(self) -> float:
        """The mean of the delays that were drawn for the latest."""
        return fmean(trip.delays_s for trip in self._latest) if self._latest else 0.0

    @property
    def delay_count_mean(self) -> float:
        """On how many hops the latest were delayed, on average."""
        return fmean(trip.delay_count for trip in self._latest) if self._latest else 0.0


class Counters:
    """Counts facts by kind and reason; status and metrics show its `snapshot`."""

    def __init__(self, *, delay_mean_s: float) -> None:
        """`delay_mean_s`: of a hop, gives the expected round trip; assign it anew when it changes."""
        self.delay_mean_s = delay_mean_s
        self.entropy = LiveEntropy()
        self.loop_watch = LoopWatch()
        self._counts: defaultdict[type[Fact], int] = defaultdict(int)
        self._dropped: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._round_trips = RoundTrips()
        self._late_s: deque[float] = deque(maxlen=DEPARTURES_KEPT)

    def observe(self, fact: Fact) -> None:
        """Count one fact."""
        kind = type(fact)
        self._counts[kind] += 1
        if kind is PacketIn:  # the two that come with every packet first
            self.entropy.arrived()
        elif kind is PacketOut:
            self.entropy.departed()
            self._late_s.append(cast(PacketOut, fact).late_s)
        else:
            self._note(fact)

    def _note(self, fact: Fact) -> None:
        match fact:
            case PacketDelivered():
                self.entropy.removed()
            case PacketDropped():
                self._dropped[fact.reason] += 1
            case PacketsHeld():
                self.entropy.recount(fact.count)
            case LoopReturned():
                self._round_trips.add(fact)
                self.loop_watch.returned()
            case LoopLost():
                if not fact.excused:
                    self.loop_watch.was_lost()
            case LinkRefused():
                self._refused[fact.reason] += 1
            case PacketIn() | PacketOut() | LoopSent() | LinkOpened() | LinkClosed():
                pass

    def snapshot(self) -> Snapshot:
        """Return the counts as they are now."""
        return Snapshot(
            packets_in=self._counts[PacketIn],
            packets_out=self._counts[PacketOut],
            delivered=self._counts[PacketDelivered],
            dropped={str(reason): count for reason, count in sorted(self._dropped.items())},
            loops=self._loops(),
            entropy_bits=self.entropy.mean_bits,
            late_p99_s=_quantile(self._late_s, 0.99),
            links=LinkCounts(
                open=self._counts[LinkOpened] - self._counts[LinkClosed],
                opened=self._counts[LinkOpened],
                closed=self._counts[LinkClosed],
                refused={str(reason): count for reason, count in sorted(self._refused.items())},
            ),
        )

    def _loops(self) -> LoopCounts:
        trips = self._round_trips
        return LoopCounts(
            sent=self._counts[LoopSent],
            returned=trips.count,
            lost=self._counts[LoopLost],
            mean_s=trips.mean_s,
            variance_s2=trips.variance_s2,
            expected_mean_s=trips.delay_count_mean * self.delay_mean_s,
            overhead_mean_s=trips.mean_s - trips.delays_mean_s,
            all_mean_s=trips.all_mean_s,
            all_squares_s2=trips.all_squares_s2,
            all_overhead_mean_s=trips.all_overhead_mean_s,
            alarm=self.loop_watch.alarm,
        )


def _quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[int(len(ordered) * share)] if ordered else 0.0


class Fanout:
    """Passes every fact to several observers, in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        """`observers`: each of them hears every fact."""
        self._observers = tuple(observers)

    def observe(self, fact: Fact) -> None:
        """Pass one fact on."""
        for observer in self._observers:
            observer.observe(fact)

"""The figures of a Prometheus endpoint, and how much of them is about one packet.

Counters are told as sums of increments, one a minute, each rounded at random to a multiple of `ROUND_TO`, up or down so
that the mean is right. A packet changes an increment by one, so that what is published changes with probability
1 / `ROUND_TO` and, given that, says nothing more in any later minute: for every counter that a packet touches,
publishing is (0, 1/`ROUND_TO`)-differentially private towards it, for all time (Dwork and Roth 2014, 2.3 and 3.5). A
packet touches at most `COUNTERS_PER_PACKET` counters. The gauges are coarse and outside of this bound: entropy in steps
of half a bit, a mean over a thousand departures. docs/operating.md says it for operators.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.observing.observers import Snapshot
from loopixmix.seams import Rng

ROUND_TO = 100
PERIOD_S = 60.0
COUNTERS_PER_PACKET = 3
"""In, out or delivered, and dropped if it was lost after that."""
ENTROPY_STEP_BITS = 0.5


def published_counts(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Return every counter that is published, by name and label, as it really is."""
    counts = {
        ("packets_in", ""): snapshot.packets_in,
        ("packets_out", ""): snapshot.packets_out,
        ("packets_delivered", ""): snapshot.delivered,
        ("links_opened", ""): snapshot.links.opened,
        ("loops_sent", ""): snapshot.loops.sent,
        ("loops_lost", ""): snapshot.loops.lost,
    }
    # Every reason is there from the start: that one appears would tell of a single packet.
    counts.update({("packets_dropped", reason): snapshot.dropped.get(reason, 0) for reason in DropReason})
    counts.update({("links_refused", reason): snapshot.links.refused.get(reason, 0) for reason in RefusalReason})
    return counts


def round_at_random(count: int, rng: Rng) -> int:
    """Return a multiple of `ROUND_TO` next to `count`, whose expectation is `count`."""
    below = count - count % ROUND_TO
    return below + (ROUND_TO if rng.randrange(ROUND_TO) < count % ROUND_TO else 0)


class PublishedMetrics:
    """A Prometheus collector; its figures change only when `renew` is called, once every `PERIOD_S`."""

    def __init__(self, *, rng: Rng) -> None:
        """Begin with everything at zero."""
        self._rng = rng
        self._seen: Mapping[tuple[str, str], int] = {}
        self._published: dict[tuple[str, str], int] = {}
        self._entropy_bits = 0.0
        self._healthy = False

    def renew(self, snapshot: Snapshot, *, healthy: bool) -> None:
        """Add the rounded increments since the last time."""
        counts = published_counts(snapshot)
        for key, count in counts.items():
            increment = round_at_random(count - self._seen.get(key, 0), self._rng)
            self._published[key] = self._published.get(key, 0) + increment
        self._seen = counts
        self._entropy_bits = floor(snapshot.entropy_bits / ENTROPY_STEP_BITS) * ENTROPY_STEP_BITS
        self._healthy = healthy

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics (prometheus_client's interface)."""
        families: dict[str, CounterMetricFamily] = {}
        for (name, reason), count in sorted(self._published.items()):
            if name not in families:
                about = f"{name.replace('_', ' ')}, in multiples of {ROUND_TO}, once a minute"
                families[name] = CounterMetricFamily(f"loopixmix_{name}", about, labels=["reason"] if reason else [])
            families[name].add_metric([reason] if reason else [], count)
        yield from families.values()
        yield GaugeMetricFamily(
            "loopixmix_entropy_bits", f"live entropy, rounded down to {ENTROPY_STEP_BITS}", value=self._entropy_bits
        )
        yield GaugeMetricFamily("loopixmix_healthy", "1 if the node takes part as it should", value=self._healthy)

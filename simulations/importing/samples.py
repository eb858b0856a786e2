"""The status of nodes and clients, second by second, made into measures. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np

from client.api import ClientStatus
from loopixmix.observing.status import NodeStatus
from simulations.measures.catalogue import Measure, by_name
from simulations.outcome import Distribution, Outcome

# Ten parts: with fewer the interval by Student is wide, with many more a part is too short to be independent of the
# next.
BATCHES = 10


@dataclass(frozen=True)
class NetworkSample:
    """All nodes' words at one moment, and the clients'."""

    at_s: float
    nodes: Mapping[str, NodeStatus]
    clients: Sequence[ClientStatus]

    def of(self, role: str) -> list[NodeStatus]:
        """Return the nodes of a role, `mix` or `provider`."""
        return [status for status in self.nodes.values() if status.role == role]


@dataclass(frozen=True)
class TimedMessage:
    """A message: when it was handed over, and when the recipient had it; None if it never came."""

    queued_at_s: float
    received_at_s: float | None

    @property
    def delivery_s(self) -> float | None:
        """How long it took."""
        return None if self.received_at_s is None else self.received_at_s - self.queued_at_s


HOW: Mapping[str, str] = {
    Measure.DELIVERY_S: "short messages between two clients: from the sender's queue to the recipient's inbox, "
    "both by the clock of this machine",
    Measure.DELIVERY_MEAN_S: "the same: mean",
    Measure.DELIVERY_P50_S: "the same: median",
    Measure.DELIVERY_P95_S: "the same: 95 % quantile",
    Measure.POOL_MEAN: "`queue` of the mixes' status files, read every second: packets held or waiting to be unwrapped",
    Measure.PROVIDER_POOL_MEAN: "the same of the providers",
    Measure.MIX_RATE_PER_S: "packets that the mixes counted in, from second to second",
    Measure.ENTROPY_LIVE_BITS: "`entropy_bits` of the mixes' status files: "
    "their own estimate over the latest departures",
    Measure.DROPPED_SHARE: "packets that nodes counted as dropped, of those that they counted in",
    Measure.THROUGHPUT_PER_S: "packets of the clients' three streams",
    Measure.COVER_SHARE: "of these, those that carried no part of a message",
}


def outcome_of(
    samples: Sequence[NetworkSample], deliveries: Sequence[TimedMessage], *, all_users: bool
) -> tuple[Outcome, dict[str, tuple[float, ...]]]:
    """Return the figures and distributions of a measurement, and each figure in `BATCHES` parts of the time.

    `samples`: two or more, in order. `all_users`: whether the measuring clients are all there are, without which
    nothing can be said of the throughput.
    """
    times_s = [delivery.delivery_s for delivery in deliveries if delivery.delivery_s is not None]
    kept: dict[Measure, Callable[[Sequence[NetworkSample]], float]] = {
        Measure.POOL_MEAN: lambda part: fmean(_queue(sample, "mix") for sample in part),
        Measure.PROVIDER_POOL_MEAN: lambda part: fmean(_queue(sample, "provider") for sample in part),
        Measure.ENTROPY_LIVE_BITS: lambda part: fmean(_entropy(sample) for sample in part),
        Measure.MIX_RATE_PER_S: _mix_rate_per_s,
        Measure.DROPPED_SHARE: _dropped_share,
        Measure.COVER_SHARE: _cover_share,
    }
    if all_users:
        kept[Measure.THROUGHPUT_PER_S] = _throughput_per_s
    figures = {name: measure(samples) for name, measure in kept.items()}
    batches = {name: tuple(measure(part) for part in _parts(samples)) for name, measure in kept.items()}
    distributions = {}
    if times_s:
        distributions[Measure.DELIVERY_S] = Distribution.of(times_s)
        for name, summary in _OF_DELIVERIES.items():
            figures[name] = summary(times_s)
            batches[name] = tuple(summary(part.tolist()) for part in np.array_split(times_s, BATCHES) if part.size)
    known = {name: value for name, value in figures.items() if np.isfinite(value)}
    measured = {name: tuple(value for value in batches[name] if np.isfinite(value)) for name in known}
    outcome = Outcome(engine="measured", figures=by_name(known), distributions=by_name(distributions))
    return outcome, by_name(measured)


def link_s(samples: Sequence[NetworkSample], layers: int) -> float:
    """Return the seconds of one link with the work at its end: what mixes' loops took beyond their delays, on average.

    A mix's loop goes to a provider and back to the mix through each other layer once: `layers + 1` links.
    """
    mixes = [status.loops for status in samples[-1].of("mix") if status.loops.returned]
    return max(0.0, fmean(loops.overhead_mean_s for loops in mixes) / (layers + 1)) if mixes else 0.0


_OF_DELIVERIES: dict[Measure, Callable[[list[float]], float]] = {
    Measure.DELIVERY_MEAN_S: fmean,
    Measure.DELIVERY_P50_S: lambda times_s: float(np.quantile(times_s, 0.5)),
    Measure.DELIVERY_P95_S: lambda times_s: float(np.quantile(times_s, 0.95)),
}


def _parts(samples: Sequence[NetworkSample]) -> list[Sequence[NetworkSample]]:
    """Return consecutive parts of two samples or more; neighbours share the sample between them."""
    steps = max(1, (len(samples) - 1) // BATCHES)
    edges = range(0, len(samples) - 1, steps)
    return [samples[first : first + steps + 1] for first in edges]


def _queue(sample: NetworkSample, role: str) -> float:
    nodes = sample.of(role)
    return fmean(status.queue for status in nodes) if nodes else float("nan")


def _entropy(sample: NetworkSample) -> float:
    mixes = sample.of("mix")
    return fmean(status.entropy_bits for status in mixes) if mixes else float("nan")


def _mix_rate_per_s(part: Sequence[NetworkSample]) -> float:
    first, last = part[0], part[-1]
    rates = [
        (status.packets_in - first.nodes[status.name].packets_in)
        / (status.written_at_s - first.nodes[status.name].written_at_s)
        for status in last.of("mix")
        # Nodes write their status at moments of their own: rates are per second of the node's clock, not of the
        # sample's.
        if status.name in first.nodes and status.written_at_s > first.nodes[status.name].written_at_s
    ]
    return fmean(rates) if rates else float("nan")


def _dropped_share(part: Sequence[NetworkSample]) -> float:
    dropped = taken = 0
    for before, after in pairwise((part[0], part[-1])):
        for name in before.nodes.keys() & after.nodes.keys():
            dropped += sum(after.nodes[name].dropped.values()) - sum(before.nodes[name].dropped.values())
            taken += after.nodes[name].packets_in - before.nodes[name].packets_in
    return dropped / taken if taken else float("nan")


def _sent(sample: NetworkSample) -> int:
    return sum(client.payload.sent + client.loop.sent + client.drop.sent for client in sample.clients)


def _throughput_per_s(part: Sequence[NetworkSample]) -> float:
    elapsed_s = part[-1].at_s - part[0].at_s
    return (_sent(part[-1]) - _sent(part[0])) / elapsed_s if elapsed_s > 0 else float("nan")


def _cover_share(part: Sequence[NetworkSample]) -> float:
    sent = _sent(part[-1]) - _sent(part[0])
    real = sum(client.real_sent for client in part[-1].clients) - sum(client.real_sent for client in part[0].clients)
    return 1 - real / sent if sent else float("nan")

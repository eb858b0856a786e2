"""The figures of a replicate, by the names of `simulations.measures.catalogue`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulations.flows import traffic
from simulations.flows.corruption import all_corrupt_share
from simulations.flows.rates import PROVIDERS
from simulations.flows.timing import delivery_faults
from simulations.formulas.gamma import fit_gamma
from simulations.measures.catalogue import Figures, Measure
from simulations.outcome import Distribution
from simulations.vector.run import Replicate

# A smaller share of a target's mass than this that comes after the drain does not show in its entropy.
_NOTED_SHARE = 1e-3


def distributions_of(replicate: Replicate) -> dict[Measure, Distribution]:
    """Return the distributions of what was measured at all."""
    distributions = {}
    if replicate.tallies.latencies.count:
        distributions[Measure.LATENCY_S] = replicate.tallies.latencies.distribution()
    if replicate.deliveries_s is not None:
        distributions[Measure.DELIVERY_S] = Distribution.of(replicate.deliveries_s)
    if replicate.entropies_bits.size:
        distributions[Measure.ENTROPY_BITS] = Distribution.of(replicate.entropies_bits)
    return distributions


def figures_of(replicate: Replicate) -> Figures:
    """Return all figures of a replicate that has run; those without anything to measure are left out."""
    found = {
        **_latency_figures(replicate),
        **_entropy_figures(replicate),
        **_node_figures(replicate),
        **_user_figures(replicate),
    }
    # NaN in a table would count as a measured value in a mean; what is missing does not.
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _latency_figures(replicate: Replicate) -> Figures:
    latencies = replicate.tallies.latencies
    figures: Figures = {}
    if latencies.count:
        found = latencies.distribution()
        shape, scale_s = fit_gamma(latencies.waits_s)
        figures = {
            Measure.LATENCY_MEAN_S: found.mean,
            Measure.LATENCY_SD_S: found.sd,
            Measure.LATENCY_P50_S: found.quantile(0.5),
            Measure.LATENCY_P95_S: found.quantile(0.95),
            Measure.LATENCY_P99_S: found.quantile(0.99),
            Measure.LATENCY_FIT_SHAPE: shape,
            Measure.LATENCY_FIT_SCALE_S: scale_s,
        }
    if replicate.deliveries_s is not None:
        figures[Measure.DELIVERY_MEAN_S] = float(replicate.deliveries_s.mean())
        for name, probability in ((Measure.DELIVERY_P50_S, 0.5), (Measure.DELIVERY_P95_S, 0.95)):
            figures[name] = float(np.quantile(replicate.deliveries_s, probability))
    return figures


def _entropy_figures(replicate: Replicate) -> Figures:
    bits, live = replicate.entropies_bits, replicate.live_bits
    figures = {Measure.ALL_CORRUPT_SHARE: all_corrupt_share(replicate.corrupt, replicate.routing)}
    if bits.size:
        figures |= {
            Measure.ENTROPY_BITS: float(bits.mean()),
            Measure.ENTROPY_P05_BITS: float(np.quantile(bits, 0.05)),
            Measure.ENTROPY_P50_BITS: float(np.quantile(bits, 0.5)),
            Measure.ENTROPY_MIN_BITS: float(bits.min()),
            Measure.ANONYMITY_SET: float(2 ** bits.mean()),
        }
    if not np.isnan(live).all():
        figures[Measure.ENTROPY_LIVE_BITS] = float(np.nanmean(live))
    return figures


def _node_figures(replicate: Replicate) -> Figures:
    tallies, topology = replicate.tallies, replicate.scenario.topology
    processors = replicate.scenario.processors
    mix_seconds = topology.layers * topology.mixes_per_layer * replicate.window.duration_s
    rate_per_s = tallies.mix_arrivals / mix_seconds
    figures = {
        Measure.POOL_MEAN: tallies.mixes_held_s / mix_seconds,
        Measure.MIX_RATE_PER_S: rate_per_s,
        Measure.UTILISATION: rate_per_s * processors.unwrap_s / processors.cores,
    }
    if topology.providers:
        provider_seconds = topology.providers * replicate.window.duration_s
        figures[Measure.PROVIDER_POOL_MEAN] = tallies.providers_held_s / provider_seconds
    return figures


def _user_figures(replicate: Replicate) -> Figures:
    tallies, scenario = replicate.tallies, replicate.scenario
    up, down = traffic.user_bytes_per_s(scenario)
    figures = {
        Measure.THROUGHPUT_PER_S: tallies.sent / replicate.window.duration_s,
        Measure.COVER_SHARE: traffic.cover_share(scenario),
        Measure.USER_UP_BYTES_PER_S: up,
        Measure.USER_DOWN_BYTES_PER_S: down,
        Measure.COST_USER_MONTH: traffic.cost_user_month(scenario),
    }
    if tallies.sent:
        figures[Measure.LOST_SHARE] = tallies.lost / tallies.sent
        figures[Measure.DROPPED_SHARE] = tallies.dropped / tallies.sent
    return figures


def notes_of(replicate: Replicate) -> Iterator[str]:
    """Yield what a reader must know to trust the figures."""
    scenario = replicate.scenario
    if replicate.entropies_bits.size and _share_above(replicate, scenario.run.drain_s) > _NOTED_SHARE:
        yield "Packets take longer than run.drain_s: what the last targets would meet after that is missing."
    if replicate.entropies_bits.size < scenario.run.targets:
        yield "Fewer packets than run.targets reached a node: all that were chosen and did were followed."
    if scenario.processors.unwrap_s > 0:
        yield "Processors keep no packet waiting here: latencies lack what queues add, unlike those of exact and nodes."
    if any(stage.busiest.pool_mean > scenario.processors.held_packets / 2 for stage in replicate.flows.stages):
        yield "Nodes hold any number of packets here: dropped_share lacks what processors.held_packets would drop."
    yield from delivery_faults(scenario)
    if replicate.deliveries_s is not None and scenario.users.online_share < 1:
        yield "delivery_* are for senders and recipients who are linked."
    if scenario.requests is not None:
        yield "request_* are left out: the engine nodes asks services, and exact has their law."
    if PROVIDERS not in {stage.name for stage in replicate.flows.stages} and scenario.traffic.node_loop_rate_per_s:
        yield "Without providers nodes send no loops: traffic.node_loop_rate_per_s is not used."
    if scenario.attacks.n_minus_one is not None or scenario.attacks.dropping is not None:
        yield "attacks.n_minus_one and attacks.dropping are left out: the engine nodes carries them out."


def _share_above(replicate: Replicate, seconds: float) -> float:
    samples_s = replicate.tallies.latencies.samples_s
    return float((samples_s > seconds).mean()) if samples_s.size else 0.0

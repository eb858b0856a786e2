"""The `exact` engine: every measure that theory gives, with notes on where it holds."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2

import numpy as np

from loopixmix.sweeps.work import Progress
from simulations.exact import anonymity
from simulations.flows import timing, traffic
from simulations.flows.corruption import corrupt_mixes, routing_shares
from simulations.flows.load import check_load
from simulations.flows.rates import PROVIDERS, Flows, FlowStage, flows_of
from simulations.formulas import queues
from simulations.formulas.latency import Law
from simulations.measures.catalogue import Figures, Measure, by_name
from simulations.outcome import PROBABILITIES, Distribution, Outcome
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Attacks, Scenario
from simulations.seeds import Seeds
from simulations.unlinkability import check_unlinkability, fluid_epsilon_of

# If processors take less than this share of the delays, pools change by as little (one M/D/1 queue a core).
_NOTED_SHARE = 0.02
_NOTED_BITS = 0.005
_RATES = "traffic.payload_rate_per_s, traffic.loop_rate_per_s and traffic.drop_rate_per_s"


class ExactEngine:
    """Closed forms of the steady state. Replicates differ only by places drawn for nodes and by corrupt mixes."""

    name = "exact"

    def check(self, scenario: Scenario) -> None:
        """Raise `ScenarioError`, naming the keys, if there is no steady state or nothing is sent."""
        check_unlinkability(scenario)
        if flows_of(scenario).forward_per_s <= 0:
            raise ScenarioError(f"no user sends anything: {_RATES} are all 0")
        check_load(scenario)

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Return the closed forms of a scenario; the seeds choose places and corrupt mixes only."""
        self.check(scenario)
        flows = flows_of(scenario)
        corrupt = corrupt_mixes(scenario, seeds)
        shares = routing_shares(scenario, corrupt)
        times = timing.timing_of(scenario, flows, seeds)
        spread_bits = timing.links_spread_bits(scenario, flows, seeds)
        progress(0.5)
        figures = {
            **_latency_figures(times, scenario, flows),
            **anonymity.entropy_figures(flows, corrupt, shares, spread_bits),
            **_node_figures(scenario, flows),
            **_user_figures(scenario, flows),
            **fluid_epsilon_of(scenario, seeds),
        }
        distributions = {Measure.LATENCY_S: _distribution(times.network)}
        if times.delivery is not None:
            distributions[Measure.DELIVERY_S] = _distribution(times.delivery)
        if times.request is not None:
            distributions[Measure.REQUEST_S] = _distribution(times.request)
        progress(1.0)
        notes = tuple(_notes(scenario, flows, spread_bits if corrupt.any() else 0.0))
        return Outcome(engine=self.name, figures=by_name(figures), distributions=by_name(distributions), notes=notes)


def _latency_figures(times: timing.Timing, scenario: Scenario, flows: Flows) -> Figures:
    network, last = times.network, times.delivery
    figures = {
        Measure.LATENCY_MEAN_S: network.mean_s,
        Measure.LATENCY_SD_S: network.sd_s,
        Measure.LATENCY_P50_S: network.quantile_s(0.5),
        Measure.LATENCY_P95_S: network.quantile_s(0.95),
        Measure.LATENCY_P99_S: network.quantile_s(0.99),
        Measure.LATENCY_FIT_SHAPE: float(flows.holding_stages),
        Measure.LATENCY_FIT_SCALE_S: scenario.mix.delay_mean_s,
    }
    if last is not None:
        figures[Measure.DELIVERY_MEAN_S] = last.mean_s
        figures[Measure.DELIVERY_P50_S] = last.quantile_s(0.5)
        figures[Measure.DELIVERY_P95_S] = last.quantile_s(0.95)
    if times.request is not None:
        figures[Measure.REQUEST_MEAN_S] = times.request.mean_s
        figures[Measure.REQUEST_P50_S] = times.request.quantile_s(0.5)
        figures[Measure.REQUEST_P95_S] = times.request.quantile_s(0.95)
    return figures


def _node_figures(scenario: Scenario, flows: Flows) -> Figures:
    mixes = flows.mixes
    figures = {
        Measure.POOL_MEAN: sum(_held(stage, scenario) for stage in mixes) / len(mixes),
        Measure.MIX_RATE_PER_S: sum(traffic.unwrapped_per_s(stage) / stage.width for stage in mixes) / len(mixes),
        Measure.UTILISATION: sum(traffic.utilisation_of(stage, scenario) for stage in mixes) / len(mixes),
        Measure.DROPPED_SHARE: 1 - float(np.prod([1 - _overflow(stage, scenario) for stage in flows.stages])),
        Measure.LOST_SHARE: 1 - (1 - scenario.links.loss) ** flows.links,
    }
    if flows.stages[0].name == PROVIDERS:
        figures[Measure.PROVIDER_POOL_MEAN] = _held(flows.stages[0], scenario)
    return figures


def _user_figures(scenario: Scenario, flows: Flows) -> Figures:
    up, down = traffic.user_bytes_per_s(scenario)
    return {
        Measure.THROUGHPUT_PER_S: flows.forward_per_s,
        Measure.COVER_SHARE: traffic.cover_share(scenario),
        Measure.USER_UP_BYTES_PER_S: up,
        Measure.USER_DOWN_BYTES_PER_S: down,
        Measure.COST_USER_MONTH: traffic.cost_user_month(scenario),
    }


def _notes(scenario: Scenario, flows: Flows, missing_bits: float) -> Iterator[str]:
    """`missing_bits`: what links of varying latency would add to the entropy, and was not added."""
    yield from anonymity.entropy_notes(flows)
    yield from timing.delivery_faults(scenario)
    yield from timing.request_faults(scenario)
    if scenario.attacks != Attacks():
        yield "Attacks are left out: the engines vector and nodes carry them out."
    if scenario.unlinkability is not None:
        yield "epsilon is that of mixes with very many packets, of payload times drawn; corrupt mixes leave it out."
    if scenario.links.loss > 0:
        bits = -flows.holding_stages * log2(1 - scenario.links.loss)
        yield (
            "Links lose packets: rates, pools and entropy are those without loss, and so too high, for entropy "
            f"by about {bits:.2g} bit."
        )
    if missing_bits >= _NOTED_BITS:
        yield (
            f"Links of varying latency add {missing_bits:.2g} bit to the entropy if no mix is corrupt. With corrupt "
            "mixes it is less, and left out: entropy is too low here, by that at most."
        )
    if scenario.links.model in ("geographic", "matrix"):
        yield f"Latencies depend on places: the law of the links is taken from {timing.PATHS:,} paths drawn."
    if any(_overflow(stage, scenario) > 1e-9 for stage in flows.stages):
        yield (
            "Nodes drop what finds processors.held_packets full: dropped_share and the pools are by Erlang's loss "
            "formula, all else is as if nothing were dropped."
        )
    if scenario.processors.unwrap_s > 0:
        yield from _processor_notes(scenario, flows)
    if timing.can_deliver(scenario) and scenario.users.online_share < 1:
        yield "delivery_* are for senders and recipients who are linked."


def _processor_notes(scenario: Scenario, flows: Flows) -> Iterator[str]:
    busiest = max(traffic.busy_share(stage.busiest, scenario) for stage in flows.stages)
    yield "Queues for processors are M/D/c with Poisson arrivals; batches that a node unwraps together wait longer."
    # Service and the mean wait of M/D/1 together, which is close enough to decide on a note.
    taken_s = scenario.processors.unwrap_s * (1 + busiest / (2 * (1 - busiest)))
    if taken_s > _NOTED_SHARE * scenario.mix.delay_mean_s:
        yield (
            "Delays count from arrival, as deployed: what processors take of them is missing from the pools of nodes, "
            "so that pools and entropy are smaller than here."
        )
    if busiest > 0.8:
        yield "Processors work for more than 0.8 of the time: waits are sensitive to every burst, and approximate."


def _held(stage: FlowStage, scenario: Scenario) -> float:
    """Return what a node of the stage holds, on average over its nodes: rate x delay, less what finds it full."""
    return stage.pool_mean * (1 - _overflow(stage, scenario))


def _overflow(stage: FlowStage, scenario: Scenario) -> float:
    """Return the share of the stage's packets that find their node full."""
    full = scenario.processors.held_packets
    return sum(load.share * queues.held_overflow_share(load.pool_mean, full) for load in stage.loads)


def _distribution(law: Law) -> Distribution:
    quantiles = tuple(law.quantiles_s(PROBABILITIES).tolist())
    return Distribution(count=0, mean=law.mean_s, sd=law.sd_s, quantiles=quantiles)


ENGINE = ExactEngine()

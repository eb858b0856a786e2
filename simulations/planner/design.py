"""The design of a network: its rates, delays and widths, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from loopixmix.params import PULL_MARGIN
from simulations.flows import traffic
from simulations.flows.rates import PROVIDERS, Flows, flows_of
from simulations.formulas import capacity
from simulations.formulas.capacity import WidthInterval
from simulations.formulas.paths import PathStage, path_entropy_bits
from simulations.formulas.queues import poisson_quantile
from simulations.planner.wishes import Terms, Wishes
from simulations.scenario.values import (
    Links,
    Mix,
    Packets,
    Processors,
    RequestLoad,
    Scenario,
    Topology,
    Traffic,
    Users,
)

MOST_NODES = 100_000
MOST_BATCH = 1000
# So rarely is an item left behind that the search may leave it out; `exact` counts it when it judges the plan.
_FULL_PULLS = 0.01
_MAILBOX_LOAD = 0.8


@dataclass(frozen=True, kw_only=True)
class Design:
    """The free choices of a plan; everything else follows."""

    payload_rate_per_s: float
    pull_rate_per_s: float
    pull_batch: int
    delay_mean_s: float
    width: int
    providers: int


def batch_for(wishes: Wishes, terms: Terms, payload_rate_per_s: float, pull_rate_per_s: float) -> int:
    """Return how many items a pull must take.

    They are `PULL_MARGIN` times what streams and answers can bring, as an authority demands it. No more come in 99 of
    100 intervals, nor 0.8 of them on average.
    """
    loops, drops = _loops_per_s(terms, payload_rate_per_s), _drops_per_s(terms, payload_rate_per_s)
    answered = payload_rate_per_s + loops
    can_come = PULL_MARGIN * (2 * answered + drops) / pull_rate_per_s
    coming = (answered + wishes.real_packets_per_s) / pull_rate_per_s
    if max(can_come, coming) > MOST_BATCH:
        return MOST_BATCH + 1
    # A whole number that multiplying missed in its last bit stays as it is.
    least = max(1, ceil(can_come - 1e-9))
    return max(least, ceil(coming / _MAILBOX_LOAD), poisson_quantile(coming, 1 - _FULL_PULLS))


def sized(wishes: Wishes, terms: Terms, payload_rate_per_s: float, pull_rate_per_s: float) -> Design | None:
    """Return the design with the fewest machines for these rates, its delay still 1 s; None if there are too many.

    Machines send loops, which need machines: a fixed point.
    """
    batch = batch_for(wishes, terms, payload_rate_per_s, pull_rate_per_s)
    if batch > MOST_BATCH:
        return None
    online = wishes.users * wishes.online_share
    least_providers = max(terms.least_width, ceil(online / terms.users_per_provider))
    width, providers = terms.least_width, least_providers
    capacity_per_s = terms.utilisation * terms.cores / terms.packet_cost_s
    for _ in range(100):
        design = Design(
            payload_rate_per_s=payload_rate_per_s,
            pull_rate_per_s=pull_rate_per_s,
            pull_batch=batch,
            delay_mean_s=1.0,
            width=width,
            providers=providers,
        )
        flows = flows_of(scenario_of(wishes, terms, design))
        wanted = max(traffic.unwrapped_per_s(stage) for stage in flows.mixes) / capacity_per_s
        hosting = traffic.unwrapped_per_s(flows.stages[0]) / capacity_per_s
        if max(wanted, hosting) > MOST_NODES:
            return None
        if wanted <= width and hosting <= providers:
            return design
        # Never fewer than before: machines send loops, which need machines, so that going down as well might never end.
        width, providers = max(width, ceil(wanted)), max(providers, ceil(hosting))
    return None


def scenario_of(wishes: Wishes, terms: Terms, design: Design, *, name: str = "plan") -> Scenario:
    """Return the scenario that a design means, for engines to check it."""
    return Scenario(
        name=name,
        topology=Topology(layers=terms.layers, mixes_per_layer=design.width, providers=design.providers),
        users=Users(
            count=wishes.users,
            online_share=wishes.online_share,
            messages_per_day=wishes.messages_per_day,
            packets_per_message=wishes.packets_per_message,
            contacts=min(10, wishes.users - 1),
        ),
        requests=RequestLoad(request_bytes=wishes.request_bytes, answer_bytes=wishes.answer_bytes)
        if wishes.request_bytes
        else None,
        traffic=Traffic(
            payload_rate_per_s=design.payload_rate_per_s,
            loop_rate_per_s=_loops_per_s(terms, design.payload_rate_per_s),
            drop_rate_per_s=_drops_per_s(terms, design.payload_rate_per_s),
            node_loop_rate_per_s=terms.node_loop_rate_per_s,
            pull_rate_per_s=design.pull_rate_per_s,
            pull_batch=design.pull_batch,
        ),
        mix=Mix(delay_mean_s=design.delay_mean_s),
        links=Links(latency_s=terms.link_latency_s, loss=terms.link_loss),
        processors=Processors(
            unwrap_s=terms.packet_cost_s,
            cores=terms.cores,
            held_packets=_held_packets(wishes, terms, design),
        ),
        packets=Packets(payload_bytes=terms.payload_bytes),
        prices=terms.prices,
    )


def entropy_bits(flows: Flows, delay_mean_s: float) -> float:
    """Return the entropy of a packet if all nodes are honest (`simulations.formulas.paths`)."""
    stages, before = [], None
    for stage in flows.stages:
        ended = stage.ending_per_s / before.packets_per_s if before is not None else 0.0
        stages.append(PathStage(stage.packets_per_s, ended, stage.spread))
        before = stage
    return path_entropy_bits(stages, delay_mean_s)


def least_pool_of(flows: Flows) -> float:
    """Return the packets in the node that holds the fewest."""
    return min(stage.least_pool for stage in flows.stages)


def widths(terms: Terms, flows: Flows, delay_mean_s: float, *, providers: bool = False) -> WidthInterval:
    """Return the interval of widths of a layer, or of the number of providers, that these flows allow."""
    stage = next(stage for stage in flows.stages if (stage.name == PROVIDERS) is providers)
    room = capacity.width_interval(
        stage.packets_per_s,
        delay_mean_s,
        terms.packet_cost_s,
        utilisation=terms.utilisation,
        cores=terms.cores,
        least_pool=terms.least_pool,
    )
    # What ends at a node costs its processors as much, but fills no pool.
    more = traffic.unwrapped_per_s(stage) / stage.packets_per_s
    return WidthInterval(least=room.least * more, most=room.most)


def _loops_per_s(terms: Terms, payload_rate_per_s: float) -> float:
    return _short(payload_rate_per_s * terms.loop_share)


def _drops_per_s(terms: Terms, payload_rate_per_s: float) -> float:
    return _short(payload_rate_per_s * terms.drop_share)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _held_packets(wishes: Wishes, terms: Terms, design: Design) -> int:
    online = wishes.users * wishes.online_share
    per_node = 2 * online * design.payload_rate_per_s * (1 + terms.loop_share + terms.drop_share) / design.providers
    return max(65_536, 2 * ceil(design.delay_mean_s * per_node))

"""Latency and delivery of a scenario, as laws on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np

from simulations.flows import traffic
from simulations.flows.corruption import corrupt_mixes, routing_shares
from simulations.flows.deployed import retry_policy_of
from simulations.flows.rates import PROVIDERS, Flows, FlowStage, MixLoad
from simulations.flows.requesting import pace_of
from simulations.formulas import delivery, latency, queues
from simulations.formulas.latency import Grid, Law
from simulations.formulas.requests import WRITES_S, RequestPace, request_law
from simulations.latency import Places, make_latency
from simulations.scenario.values import Scenario, Traffic
from simulations.seeds import Seeds

# So many paths are drawn if latencies depend on places. The law of their sum is within 0.003 of the true one with 95 %
# (Dvoretzky, Kiefer and Wolfowitz 1956).
PATHS = 200_000
# The part of a law that may lie beyond the end of its grid.
_TAIL = 1e-12
# A power of two for the transforms; a step is then some ten thousandth of the spread.
_POINTS = 1 << 15
# Closer to 1 than this, queues settle so slowly that no run of usual length sees their steady state.
_FULL = 0.98
# A processor's time of this share of the delay or less vanishes in it, because delays count from arrival, as deployed.
_SHORT = 0.02


@dataclass(frozen=True)
class Timing:
    """`network`: from leaving the sender to the recipient's provider. `delivery`: from handing over to having it.
    `request`: from asking a service to having its answer.
    """

    network: Law
    delivery: Law | None
    request: Law | None = None


def timing_of(scenario: Scenario, flows: Flows, seeds: Seeds) -> Timing:
    """Return the laws of a scenario whose processors keep up; no delivery without providers, or if queues grow."""
    samples = _links_drawn(scenario, flows, seeds)
    # Two grids: that of delivery is longer, and its steps would be too coarse for the network's own latency.
    longest_s = _longest_network_s(scenario, flows, samples)
    network = _network(scenario, Grid.up_to(longest_s, _POINTS), flows, samples)
    if not can_deliver(scenario):
        return Timing(network, None)
    grid = Grid.up_to(longest_s + _longest_waits_s(scenario), _POINTS)
    law = _delivery(scenario, _network(scenario, grid, flows, samples), flows, samples)
    if scenario.requests is None or request_faults(scenario):
        return Timing(network, law)
    pace = pace_of(scenario, scenario.requests)
    grid = Grid.up_to(4 * longest_s + 2 * _longest_waits_s(scenario) + _longest_request_s(pace), _POINTS)
    return Timing(network, law, _request(scenario, _network(scenario, grid, flows, samples), pace))


def links_spread_bits(scenario: Scenario, flows: Flows, seeds: Seeds) -> float:
    """Return how many bits links of varying latency add to the entropy of a packet if all nodes are honest.

    Between the first and the last node that holds a packet, its mass spreads over what links add, as it does over
    delays: the entropy is that of both together. On the first link it is still alone, and the last one parts nobody.
    """
    inner = flows.holding_stages - 1
    if scenario.links.model == "constant" or inner < 1:
        return 0.0
    delay_s = scenario.mix.delay_mean_s
    samples = _links_drawn(scenario, flows, seeds, inner_only=True)
    links_s = inner * _longest_link_s(scenario) if samples is None else float(samples.max())
    longest_s = latency.erlang_quantile_s(flows.holding_stages, delay_s, 1 - _TAIL) + links_s
    grid = Grid.up_to(longest_s, _POINTS)
    delays = latency.erlang(grid, flows.holding_stages, delay_s)
    links = _links_law(scenario, grid, inner) if samples is None else latency.measured(grid, samples)
    return max(0.0, (delays.then(links).entropy_nats - delays.entropy_nats) / log(2))


def can_deliver(scenario: Scenario) -> bool:
    """Tell whether messages get their turns and mailboxes are emptied in the long run."""
    return not delivery_faults(scenario)


def delivery_faults(scenario: Scenario) -> list[str]:
    """Return why there is no law of delivery, as whole sentences."""
    if not scenario.topology.providers:
        return ["delivery_* are left out: without providers there are no mailboxes to pull from."]
    faults = []
    load, turns = traffic.real_packets_per_s(scenario), scenario.traffic.payload_rate_per_s
    if load > _FULL * turns or turns == 0:
        faults.append(
            "delivery_* are left out: users write more packets (users.messages_per_day x users.packets_per_message) "
            "than 0.98 of what traffic.payload_rate_per_s lets leave while they are linked."
        )
    if mailbox_items_per_s(scenario) > _FULL * pulled_per_s(scenario.traffic):
        faults.append(
            "delivery_* are left out: what comes into mailboxes is more than 0.98 of what traffic.pull_rate_per_s x "
            "traffic.pull_batch takes out."
        )
    return faults


def request_faults(scenario: Scenario) -> list[str]:
    """Return why there is no law of requests, as whole sentences; nothing if nobody asks."""
    requests, chosen = scenario.requests, scenario.traffic
    if requests is None or delivery_faults(scenario):
        return []
    if _items_while_answered_per_s(scenario, pace_of(scenario, requests)) > _FULL * pulled_per_s(chosen):
        return [
            "request_* are left out: while an answer comes, more comes into mailboxes than 0.98 of what "
            "traffic.pull_rate_per_s x traffic.pull_batch takes out."
        ]
    return []


def pulled_per_s(chosen: Traffic) -> float:
    """Return the items that a user pulls."""
    return chosen.pull_rate_per_s * chosen.pull_batch


def mailbox_items_per_s(scenario: Scenario) -> float:
    """Return the items that come into the mailbox of a linked user: answers to payloads and loops, and messages."""
    sent = scenario.traffic.payload_rate_per_s + scenario.traffic.loop_rate_per_s
    return (sent if scenario.traffic.replies else 0.0) + traffic.real_packets_per_s(scenario)


def wait_mean_s(scenario: Scenario, stage: FlowStage) -> float:
    """Return how long a packet waits for a processor of a node of the stage, on average over packets."""
    return sum(load.share * _wait_mean_s(scenario, load) for load in stage.loads)


def _wait_mean_s(scenario: Scenario, load: MixLoad) -> float:
    return queues.mdc_wait_mean_s(load.unwrapped_per_s, scenario.processors.unwrap_s, scenario.processors.cores)


def _network(scenario: Scenario, grid: Grid, flows: Flows, samples: latency.FloatArray | None) -> Law:
    links = _links_law(scenario, grid, flows.links) if samples is None else latency.measured(grid, samples)
    law = _delays(scenario, grid, flows).then(links)
    return law.then(_sojourn(scenario, grid, flows.stages[0])) if flows.stages[0].name == PROVIDERS else law


def _delays(scenario: Scenario, grid: Grid, flows: Flows) -> Law:
    # A node counts a packet's delay from its arrival: waiting and unwrapping show only if they last longer.
    delay_s = scenario.mix.delay_mean_s
    quick = [stage for stage in flows.stages if _sojourn_mean_s(scenario, stage) <= _SHORT * delay_s]
    law = latency.erlang(grid, len(quick), delay_s)
    for stage in flows.stages:
        if stage not in quick:
            law = law.then(latency.erlang(grid, 1, delay_s).longest_of(_sojourn(scenario, grid, stage)))
    return law


def _sojourn_mean_s(scenario: Scenario, stage: FlowStage) -> float:
    return wait_mean_s(scenario, stage) + scenario.processors.unwrap_s


def _sojourn(scenario: Scenario, grid: Grid, stage: FlowStage) -> Law:
    """Return the law of waiting for a processor and being unwrapped; the wait has the right mean and weight at 0."""
    # Packets that go through nodes of different loads are told apart, and their laws are laid over each other.
    waits = sum((load.share * _waits(scenario, grid, load) for load in stage.loads), np.zeros(grid.points))
    return Law(grid, waits).then(latency.fixed(grid, scenario.processors.unwrap_s))


def _waits(scenario: Scenario, grid: Grid, load: MixLoad) -> latency.FloatArray:
    at_once, wait_s = latency.at_once(grid).masses, _wait_mean_s(scenario, load)
    if wait_s == 0:
        return at_once
    cores = scenario.processors.cores
    busy = queues.erlang_c(traffic.busy_share(load, scenario) * cores, cores)
    # The law of an M/D/c wait has no simple closed form. An exponential with its mean and its chance of no wait stands
    # for it.
    return (1 - busy) * at_once + busy * latency.erlang(grid, 1, wait_s / busy).masses


def _links_law(scenario: Scenario, grid: Grid, count: int) -> Law:
    links = scenario.links
    match links.model:
        case "uniform":
            return latency.repeated(latency.uniform(grid, links.low_s, links.high_s), count)
        case "quantiles":
            return latency.repeated(latency.piecewise(grid, links.quantiles), count)
        case _:
            return latency.fixed(grid, count * links.latency_s)


def _links_drawn(
    scenario: Scenario, flows: Flows, seeds: Seeds, *, inner_only: bool = False
) -> latency.FloatArray | None:
    if scenario.links.model in ("constant", "uniform", "quantiles"):
        return None
    model, places = make_latency(scenario, seeds), Places(scenario.topology)
    topology, generator = scenario.topology, seeds.generator("links")
    shares = routing_shares(scenario, corrupt_mixes(scenario, seeds))

    def users() -> latency.IntArray:
        return places.first_user + generator.integers(scenario.users.count, size=PATHS)

    def providers() -> latency.IntArray:
        return places.provider(0) + generator.integers(topology.providers, size=PATHS)

    def mixes(layer: int) -> latency.IntArray:
        row = shares[layer - 1]
        if row.min() == row.max():
            return places.first_mix(layer) + generator.integers(topology.mixes_per_layer, size=PATHS)
        return places.first_mix(layer) + generator.choice(topology.mixes_per_layer, size=PATHS, p=row)

    # Places are drawn for each path, not once: the law is that of all users, as the vector engine samples it.
    way = [users(), *(mixes(layer) for layer in range(1, topology.layers + 1))]
    way = [way[0], providers(), *way[1:], providers()] if topology.providers else [*way, users()]
    if len(way) != flows.links + 1:
        raise ValueError("a path has one link fewer than places")
    total = np.zeros(PATHS)
    links = list(pairwise(way))
    # Between nodes that hold the packet: without the first link, and without the last.
    for sender, receiver in links[1:-1] if inner_only else links:
        total += model.draw_many_s(sender, receiver, generator)
    return total


def _longest_network_s(scenario: Scenario, flows: Flows, samples: latency.FloatArray | None) -> float:
    delay_s = scenario.mix.delay_mean_s
    links_s = flows.links * _longest_link_s(scenario) if samples is None else float(samples.max())
    busiest_s = max(_wait_mean_s(scenario, stage.busiest) for stage in flows.stages)
    working_s = (busiest_s + scenario.processors.unwrap_s) * -log(_TAIL)
    waiting_s = latency.erlang_quantile_s(flows.holding_stages, delay_s, 1 - _TAIL)
    return waiting_s + links_s + (flows.holding_stages + 1) * working_s


def _longest_waits_s(scenario: Scenario) -> float:
    turns, packets = scenario.traffic.payload_rate_per_s, scenario.users.packets_per_message
    rho = traffic.real_packets_per_s(scenario) / turns
    turn_s = latency.erlang_quantile_s(packets, 1 / turns, 1 - _TAIL)
    queue_s = rho / (1 - rho) * packets / turns * -log(_TAIL)
    pull_s = delivery.longest_pull_wait_s(
        scenario.traffic.pull_rate_per_s, scenario.traffic.pull_batch, mailbox_items_per_s(scenario)
    )
    pull_s += delivery.most_pulls_lost(scenario.links.loss) / scenario.traffic.pull_rate_per_s
    lost_s = retries_of(scenario).longest_s
    return turn_s + queue_s + pull_s + lost_s + delivery.ANSWER_S + _longest_link_s(scenario)


def _longest_request_s(pace: RequestPace) -> float:
    turns_per_s = pace.turns_per_s * (1 - pace.loss)
    # One turn more: for the reply blocks that the user sends later.
    sending_s = latency.erlang_quantile_s(pace.parts.there + 1, 1 / turns_per_s, 1 - _TAIL)
    answering_s = latency.erlang_quantile_s(pace.parts.back + 1, 1 / pace.arriving_per_s, 1 - _TAIL)
    # Something in each of three stages may have to be sent once more, which is noticed after the longest of these.
    patience = pace.patience
    noticing_s = 3 * max(patience.silence_s, patience.settling_s, patience.late_s) if pace.loss else 0.0
    return sending_s + answering_s + noticing_s + WRITES_S + pace.work_s


def _items_while_answered_per_s(scenario: Scenario, pace: RequestPace) -> float:
    # A single share comes alone; of several each finds the others in the mailbox.
    return mailbox_items_per_s(scenario) + (pace.free_per_s if pace.parts.back > 1 else 0.0)


def _longest_link_s(scenario: Scenario) -> float:
    links = scenario.links
    by_model = {"constant": 0.0, "uniform": links.high_s}  # a constant need not lie on the grid
    return by_model.get(links.model, links.quantiles[-1][1] if links.quantiles else 0.0)


def _delivery(scenario: Scenario, network: Law, flows: Flows, samples: latency.FloatArray | None) -> Law:
    chosen, packets, grid = scenario.traffic, scenario.users.packets_per_message, network.grid
    messages = traffic.real_packets_per_s(scenario) / packets
    last_link = (
        _links_law(scenario, grid, 1) if samples is None else latency.fixed(grid, float(samples.mean()) / flows.links)
    )
    return delivery.delivery(
        retries_of(scenario).law(network),
        queue=delivery.turn_queue(grid, chosen.payload_rate_per_s, messages, packets),
        turns_per_s=chosen.payload_rate_per_s,
        packets=packets,
        pull=_pulled(scenario, grid, mailbox_items_per_s(scenario)),
        last_link=last_link,
    )


def retries_of(scenario: Scenario) -> delivery.Retries:
    """Return how clients send again what links lose."""
    links = scenario.topology.layers + 2
    return delivery.Retries(
        loss=1 - (1 - scenario.links.loss) ** links,
        first_wait_s=retry_policy_of(scenario).first_s,
        turns_per_s=scenario.traffic.payload_rate_per_s,
        pulls_per_s=scenario.traffic.pull_rate_per_s,
    )


def _pulled(scenario: Scenario, grid: Grid, items_per_s: float) -> Law:
    chosen, loss = scenario.traffic, scenario.links.loss
    wait = delivery.pull_wait(grid, chosen.pull_rate_per_s, chosen.pull_batch, items_per_s)
    return wait.then(delivery.lost_at_the_pull(grid, chosen.pull_rate_per_s, loss)) if loss else wait


def _request(scenario: Scenario, network: Law, pace: RequestPace) -> Law:
    chosen, packets = scenario.traffic, scenario.users.packets_per_message
    messages = traffic.real_packets_per_s(scenario) / packets
    items = _items_while_answered_per_s(scenario, pace)
    return request_law(
        pace,
        network=network,
        queue=delivery.turn_queue(network.grid, chosen.payload_rate_per_s, messages, packets),
        pull=_pulled(scenario, network.grid, items),
    )

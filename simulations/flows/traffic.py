"""Bytes, processor time and cost of a scenario's flows; the same for every engine."""

from __future__ import annotations

from loopixmix.sphinx import Geometry
from loopixmix.wire.codec import FRAME_OVERHEAD_BYTES
from simulations.flows.rates import PROVIDERS, Flows, FlowStage, MixLoad, flows_of
from simulations.flows.requesting import requesting_of
from simulations.formulas import capacity
from simulations.scenario.values import Scenario


def frame_bytes(scenario: Scenario) -> int:
    """Return the size of everything on a link: a packet and the frame around it, without TLS's 22 bytes a record."""
    nodes = scenario.topology.layers + (2 if scenario.topology.providers else 0)
    # Lengths are linear in the number of hops; `Geometry` itself stops at 32.
    two, three = (Geometry(hops=hops, payload_bytes=scenario.packets.payload_bytes).packet_bytes for hops in (2, 3))
    return two + (nodes - 2) * (three - two) + FRAME_OVERHEAD_BYTES


def user_bytes_per_s(scenario: Scenario) -> tuple[float, float]:
    """Return what a linked user sends and gets: packets and pulls up, the items of pulls' answers down.

    Without providers there are no pulls: as much comes down as goes up.
    """
    traffic, size = scenario.traffic, frame_bytes(scenario)
    # Whatever users do: streams of cover and constant pulls have rates that follow nothing else.
    rates = (traffic.payload_rate_per_s, traffic.loop_rate_per_s, traffic.drop_rate_per_s)
    # The papers' models have no mailboxes: each packet goes straight to its recipient.
    if not scenario.topology.providers:
        up = capacity.user_up_bytes_per_s(*rates, size)
        return up, up
    return (
        capacity.user_up_bytes_per_s(*rates, size, pulls_per_s=traffic.pull_rate_per_s),
        capacity.user_down_bytes_per_s(traffic.pull_rate_per_s, traffic.pull_batch, size),
    )


def real_packets_per_s(scenario: Scenario) -> float:
    """Return the packets of messages that a linked user with a name sends, on average.

    Everything that users write leaves while they are linked, which is `users.online_share` of the time.
    """
    users = scenario.users
    return users.messages_per_day * users.packets_per_message / capacity.DAY_S / users.online_share


def cover_share(scenario: Scenario) -> float:
    """Return the share of what users send that is cover; nothing real can be more than the payload stream carries."""
    traffic = scenario.traffic
    sent = traffic.payload_rate_per_s + traffic.loop_rate_per_s + traffic.drop_rate_per_s
    requesting = requesting_of(scenario)
    written = real_packets_per_s(scenario) * scenario.users.named / scenario.users.count
    real = written + (0.0 if requesting is None else requesting.packets_per_s)
    # More than the stream carries waits in the client, and is sent later or never.
    return capacity.cover_share(min(real, traffic.payload_rate_per_s), sent)


def unwrapped_per_s(stage: FlowStage) -> float:
    """Return the packets that all nodes of a stage unwrap: those that wait there and those that end there."""
    return stage.packets_per_s + stage.ending_per_s


def utilisation_of(stage: FlowStage, scenario: Scenario) -> float:
    """Return the share of its processors' time that a node of the stage works, on average over its nodes."""
    processors = scenario.processors
    return unwrapped_per_s(stage) / stage.width * processors.unwrap_s / processors.cores


def busy_share(load: MixLoad, scenario: Scenario) -> float:
    """Return the share of its processors' time that a node of this load works."""
    return load.unwrapped_per_s * scenario.processors.unwrap_s / scenario.processors.cores


def nodes_send_per_s(scenario: Scenario, flows: Flows) -> float:
    """Return the frames that all nodes send: to the next node of a path, and to users that pull."""
    # Every packet that a mix unwraps came over a link from another node; of what providers hold, users and the provider
    # itself sent the rest.
    between = sum(stage.ending_per_s if stage.name == PROVIDERS else unwrapped_per_s(stage) for stage in flows.stages)
    if not scenario.topology.providers:
        return sum(stage.packets_per_s for stage in flows.stages)
    return between + flows.users_online * scenario.traffic.pull_rate_per_s * scenario.traffic.pull_batch


def machines(scenario: Scenario) -> int:
    """Return the number of nodes."""
    topology = scenario.topology
    return topology.layers * topology.mixes_per_layer + topology.providers


def month_cost(scenario: Scenario) -> float:
    """Return what all nodes cost a month of 30 days, in `prices.currency`: their cores, and what they send."""
    sent = nodes_send_per_s(scenario, flows_of(scenario)) * frame_bytes(scenario)
    return capacity.month_cost(
        machines(scenario) * scenario.processors.cores,
        sent,
        core_month=scenario.prices.core_month,
        traffic_gb=scenario.prices.traffic_gb,
    )


def cost_user_month(scenario: Scenario) -> float:
    """Return the same for one user, whether linked or not."""
    return month_cost(scenario) / scenario.users.count

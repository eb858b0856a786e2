"""Limits of the deployed code: scenarios that the engine `nodes` refuses, and the keys that would have to change."""

from __future__ import annotations

from collections.abc import Iterator

from client.api import MAX_BODY_BYTES
from loopixmix.directory.document import MAX_NODES
from simulations.flows.routing import weight_rows
from simulations.scenario.values import Scenario
from simulations.world.users import body_bytes_of, shortest_payload_bytes

# Each is a whole client, with accounts and mailbox: about 250 kB, and some milliseconds to set up.
MAX_USERS = 50_000
MAX_LAYERS = 8
MAX_DELAY_MEAN_S = 3600
MAX_RATE_PER_S = 10_000
_RATES = (
    "payload_rate_per_s",
    "loop_rate_per_s",
    "drop_rate_per_s",
    "node_loop_rate_per_s",
    "pull_rate_per_s",
)


def refusals(scenario: Scenario) -> Iterator[str]:
    """Yield every reason why the deployed services cannot run a scenario; each names its keys."""
    if scenario.users.count > MAX_USERS:
        yield (
            f"users.count ({scenario.users.count}) is above {MAX_USERS}, whose clients fill about 12 GB of memory; the "
            "engine vector takes millions"
        )
    yield from _topology_refusals(scenario)
    yield from _traffic_refusals(scenario)
    yield from _message_refusals(scenario)
    if scenario.corruption.share > 0 and scenario.corruption.placement == "favoured":
        yield 'corruption.placement "favoured" has senders favour some mixes, and deployed clients choose all alike'
    if any(len(set(row)) > 1 for row in weight_rows(scenario.topology)):
        yield (
            "topology.mix_weights differ, and deployed clients choose every mix of a layer alike, because a network "
            "document has no weights: leave them out, or take the engine exact or vector"
        )


def _topology_refusals(scenario: Scenario) -> Iterator[str]:
    topology = scenario.topology
    if topology.providers == 0:
        yield "topology.providers is 0, and deployed clients reach the network through providers: set 1 or more"
    if topology.layers > MAX_LAYERS:
        yield f"topology.layers ({topology.layers}) is above {MAX_LAYERS}, the most that a network document can say"
    nodes = topology.providers + topology.layers * topology.mixes_per_layer
    if nodes > MAX_NODES:
        yield (
            f"topology.providers + topology.layers x topology.mixes_per_layer ({nodes}) is above {MAX_NODES}, the most "
            "nodes of a network document"
        )


def _traffic_refusals(scenario: Scenario) -> Iterator[str]:
    traffic, delay_mean_s = scenario.traffic, scenario.mix.delay_mean_s
    if not traffic.replies:
        yield "traffic.replies is false, and deployed providers always answer"
    for key in _RATES:
        rate_per_s: float = getattr(traffic, key)
        if not 0 < rate_per_s <= MAX_RATE_PER_S:
            yield (
                f"traffic.{key} ({rate_per_s:g}) must be above 0 and at most {MAX_RATE_PER_S}: a network document "
                "says no other"
            )
    if delay_mean_s > MAX_DELAY_MEAN_S:
        yield f"mix.delay_mean_s ({delay_mean_s:g}) is above {MAX_DELAY_MEAN_S}, the most of a network document"


def _message_refusals(scenario: Scenario) -> Iterator[str]:
    count, payload_bytes = scenario.users.packets_per_message, scenario.packets.payload_bytes
    if payload_bytes < shortest_payload_bytes(count):
        yield (
            f"users.packets_per_message = {count} needs packets.payload_bytes of {shortest_payload_bytes(count)} or "
            f"more, not {payload_bytes}: what seals a message has its length too"
        )
    elif body_bytes_of(payload_bytes, count) > MAX_BODY_BYTES:
        yield (
            f"users.packets_per_message ({count}) of packets.payload_bytes ({payload_bytes}) is a longer message than "
            f"clients take: {MAX_BODY_BYTES} bytes"
        )

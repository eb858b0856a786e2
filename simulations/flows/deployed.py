"""The figures that deployed nodes and clients would go by in the network of a scenario."""

from __future__ import annotations

import math

from client.core.retry import RetryPolicy, round_trip_policy
from client.core.settings import ClientSettings
from loopixmix.params import MAX_DELAY_MEANS, NetworkParams
from simulations.scenario.values import Scenario

EPOCH_LENGTH_S = 3600
"""The length of an epoch, unless the delays need longer ones."""
GRACE_S = 60


def epoch_length_for(delay_mean_s: float) -> int:
    """Return the length of epochs, in seconds: there is room for the longest delay, and worlds begin at an edge."""
    length_s = EPOCH_LENGTH_S
    while math.ceil(MAX_DELAY_MEANS * delay_mean_s) > length_s:
        # Doubled, so that the beginning of a world stays an edge.
        length_s *= 2
    return length_s


def params_of(scenario: Scenario, *, epoch_length_s: int | None = None) -> NetworkParams:
    """Return what a network document would say of the scenario's network.

    `epoch_length_s`: an hour, or longer if the delays need it, unless it is given.
    """
    traffic = scenario.traffic
    epoch_length_s = epoch_length_s or epoch_length_for(scenario.mix.delay_mean_s)
    return NetworkParams(
        layers=scenario.topology.layers,
        delay_mean_s=scenario.mix.delay_mean_s,
        payload_rate_per_s=traffic.payload_rate_per_s,
        loop_rate_per_s=traffic.loop_rate_per_s,
        drop_rate_per_s=traffic.drop_rate_per_s,
        node_loop_rate_per_s=traffic.node_loop_rate_per_s,
        pull_rate_per_s=traffic.pull_rate_per_s,
        pull_batch=traffic.pull_batch,
        epoch_length_s=epoch_length_s,
        grace_s=min(GRACE_S, (epoch_length_s - 1) // 2),
        payload_bytes=scenario.packets.payload_bytes,
    )


def retry_policy_of(scenario: Scenario) -> RetryPolicy:
    """Return how long a client waits for an answer before it sends again."""
    return round_trip_policy(params_of(scenario), longest_s=ClientSettings().longest_retry_s)

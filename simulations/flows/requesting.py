"""Requests of a scenario's users: how many packets they take, and how often they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from client.core.asking.spares import spare_shares
from client.core.timing.parts import request_parts
from client.core.timing.rounds import patience_of
from loopixmix.sphinx import Geometry
from simulations.flows.deployed import params_of, retry_policy_of
from simulations.formulas.queues import pull_wait_mean_s
from simulations.formulas.requests import RequestPace, request_mean_s
from simulations.scenario.values import RequestLoad, Scenario


@dataclass(frozen=True)
class Requesting:
    """The requests of a linked user: their pace, how many packets each has, and how many of them begin a second."""

    pace: RequestPace
    packets: int
    per_s: float

    @property
    def packets_per_s(self) -> float:
        """The packets that requests take of the payload stream."""
        return self.per_s * self.packets

    @property
    def more_answers_per_s(self) -> float:
        """The packets of answers, beyond the one that each packet of the payload stream is answered by anyway."""
        return self.per_s * max(0, self.pace.parts.back - self.packets)


def pace_of(scenario: Scenario, requests: RequestLoad) -> RequestPace:
    """Return what the time of such a request hangs on in the network of a scenario."""
    params = params_of(scenario)
    size = Geometry.for_network(params)
    loss = 1 - (1 - scenario.links.loss) ** (scenario.topology.layers + 2)
    return RequestPace(
        parts=request_parts(requests.request_bytes, requests.answer_bytes, size, loss=loss),
        turns_per_s=scenario.traffic.payload_rate_per_s,
        free_per_s=params.free_pulls_per_s,
        patience=patience_of(params, retry_policy_of(scenario)),
        loss=loss,
        work_s=requests.work_s,
    )


def requesting_of(scenario: Scenario) -> Requesting | None:
    """Return the requests of a linked user, None if there are none, or no payload stream for them."""
    requests = scenario.requests
    if requests is None or scenario.traffic.payload_rate_per_s == 0:
        return None
    pace = pace_of(scenario, requests)
    # Latencies that depend on places are left out here: next to pauses and turns they change the rate by little.
    links_s = scenario.links.latency_s if scenario.links.model == "constant" else 0.0
    network_s = (scenario.topology.layers + 1) * scenario.mix.delay_mean_s + (scenario.topology.layers + 2) * links_s
    pull_s = pull_wait_mean_s(scenario.traffic.pull_rate_per_s)
    taken_s = request_mean_s(pace, network_mean_s=network_s, pull_mean_s=pull_s)
    # Reply blocks that the first ones are too few for leave in parts without a share.
    parts = pace.parts
    blocks = pace.later_shares + spare_shares(parts.back, pace.loss)
    packets = parts.there + spare_shares(parts.there, pace.loss) + ceil(blocks / parts.blocks_a_part)
    return Requesting(pace, packets, 1 / (requests.pause_mean_s + taken_s))

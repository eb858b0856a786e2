"""How a plan is simulated: for so long that there is enough of all that it promises, if that can be."""

from __future__ import annotations

from collections.abc import Iterator

from simulations.flows import traffic
from simulations.formulas import capacity
from simulations.measures.catalogue import Measure
from simulations.measures.samples import FEW
from simulations.planner.wishes import Wishes
from simulations.scenario.values import Run, Scenario

REPLICATES = 3
SHORTEST_S = 20.0
MOST_EVENTS = 1e6
"""Packets and pulls of a window that is longer than `SHORTEST_S`, at most: minutes of work for the deployed code.

Where users write seldom, a hundred messages would come among a hundred million packets of cover.
"""
# Targets are chosen among the payload packets: if they were nearly all of them, some replicates would send too few.
_PACKETS_A_TARGET = 4
# The number of messages is Poisson: with 140 on average there are fewer than 100 in one window of 3,000.
_SPARE = 1.4


def run_of(scenario: Scenario, wishes: Wishes, figures: dict[str, float]) -> Run:
    """Return how long and how often the plan `scenario` is to run; `figures` is what theory says of it.

    In the window there are the usual targets, and `FEW` of the packets, messages and requests that the plan promises
    something of. If they do not fit into `MOST_EVENTS`, there are fewer, and the run notes that.
    """
    window_s = _window_s(scenario, wishes, figures)
    targets = int(_payloads_per_s(scenario) * window_s / _PACKETS_A_TARGET)
    settled_s = _settled_s(scenario)
    return Run(
        duration_s=window_s,
        warm_up_s=_short(max(settled_s, _queued_s(scenario, wishes, figures))),
        drain_s=_short(2 * settled_s + _reading_s(scenario, wishes, figures)),
        replicates=REPLICATES,
        targets=min(Run().targets, targets),
    )


def _window_s(scenario: Scenario, wishes: Wishes, figures: dict[str, float]) -> float:
    packets = _PACKETS_A_TARGET * max(Run().targets, FEW)
    others_s = [_SPARE * FEW * each_s for each_s in _each_s(scenario, wishes, figures)]
    enough_s = max(packets / _payloads_per_s(scenario), *others_s, 0.0)
    return _short(max(SHORTEST_S, min(enough_s, MOST_EVENTS / _events_per_s(scenario))))


def _each_s(scenario: Scenario, wishes: Wishes, figures: dict[str, float]) -> Iterator[float]:
    """Yield the seconds from one message to the next one of anybody, and from one request to the next."""
    if _is_of_delivery(wishes) and wishes.messages_per_day > 0:
        yield capacity.DAY_S / (wishes.users * wishes.messages_per_day)
    if scenario.requests is not None and Measure.REQUEST_MEAN_S in figures:
        yield (scenario.requests.pause_mean_s + figures[Measure.REQUEST_MEAN_S]) / _online(scenario)


def _settled_s(scenario: Scenario) -> float:
    # Long enough that what is left of the beginning, or under way, is less than one in ten million.
    links = scenario.topology.layers + 2
    on_links_s = links * (16 * scenario.processors.unwrap_s + scenario.links.latency_s)
    return 20 * scenario.mix.delay_mean_s + on_links_s


def _queued_s(scenario: Scenario, wishes: Wishes, figures: dict[str, float]) -> float:
    """Return for how long messages must have been written until those that wait for turns are as many as ever."""
    if not _is_of_delivery(wishes):
        return 0.0
    # The fuller the turns are, the longer that takes. Half full, messages of ten packets would otherwise find a queue
    # that is a quarter too short.
    load = traffic.real_packets_per_s(scenario) / scenario.traffic.payload_rate_per_s
    return 4 * load * figures.get(Measure.DELIVERY_P95_S, 0.0)


def _reading_s(scenario: Scenario, wishes: Wishes, figures: dict[str, float]) -> float:
    """Return for how long messages and requests are waited for, beyond the way of a packet."""
    waits_s = [0.0]
    if _is_of_delivery(wishes):
        turns_s = scenario.users.packets_per_message / scenario.traffic.payload_rate_per_s
        waits_s += [10 * turns_s + 3 / scenario.traffic.pull_rate_per_s, 3 * figures.get(Measure.DELIVERY_P95_S, 0.0)]
    waits_s.append(4 * figures.get(Measure.REQUEST_P95_S, 0.0))
    return max(waits_s)


def _payloads_per_s(scenario: Scenario) -> float:
    return _online(scenario) * scenario.traffic.payload_rate_per_s


def _events_per_s(scenario: Scenario) -> float:
    sent = scenario.traffic
    each = sent.payload_rate_per_s + sent.loop_rate_per_s + sent.drop_rate_per_s + sent.pull_rate_per_s
    return _online(scenario) * each + traffic.machines(scenario) * sent.node_loop_rate_per_s


def _is_of_delivery(wishes: Wishes) -> bool:
    return wishes.latency_kind in ("delivery-p95", "delivery-mean")


def _online(scenario: Scenario) -> float:
    return scenario.users.count * scenario.users.online_share


def _short(value: float) -> float:
    return float(f"{value:.4g}")

"""A plan, judged by the `exact` engine, or the wishes that conflict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TypeAlias

import msgspec

from simulations.exact.engine import ENGINE
from simulations.flows import traffic
from simulations.flows.rates import flows_of
from simulations.formulas import capacity
from simulations.formulas.capacity import WidthInterval
from simulations.measures.catalogue import Measure
from simulations.planner.conflicts import Infeasible, why_infeasible
from simulations.planner.design import Design, least_pool_of, scenario_of, widths
from simulations.planner.measuring import run_of
from simulations.planner.search import (
    Found,
    cheapest,
    least_rate_per_s,
    needed_delay_mean_s,
)
from simulations.planner.wishes import LatencyKind, Terms, Wishes
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

BITS_TOLERATED = 0.005
LATENCY_TOLERATED = 0.002
_MEASURES: dict[LatencyKind, str] = {
    "delivery-p95": Measure.DELIVERY_P95_S,
    "delivery-mean": Measure.DELIVERY_MEAN_S,
    "network-p95": Measure.LATENCY_P95_S,
    "network-mean": Measure.LATENCY_MEAN_S,
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A network that does what is wished.

    `figures`: what `exact` says of `scenario`. `layer`, `hosting`: the intervals of mixes in a layer and of providers,
    `layer_bound` which end of it, or what else, decides. `rates_bound`: what keeps the rates from being lower.
    """

    wishes: Wishes
    terms: Terms
    design: Design
    scenario: Scenario
    figures: dict[str, float]
    notes: tuple[str, ...]
    layer: WidthInterval
    hosting: WidthInterval
    layer_bound: str
    rates_bound: str
    month_cost: float
    node_bytes_per_s: float

    @property
    def machines(self) -> int:
        """All nodes."""
        return traffic.machines(self.scenario)

    @property
    def latency_s(self) -> float:
        """The measure that the wish for latency is about."""
        return self.figures[_MEASURES[self.wishes.latency_kind]]

    @property
    def passed(self) -> bool:
        """Whether theory agrees that the wishes are met, up to the precision of the search."""
        dear = self.wishes.budget_user_month is not None and (
            self.figures[Measure.COST_USER_MONTH] > self.wishes.budget_user_month
        )
        quick = self.latency_s <= self.wishes.latency_s * (1 + LATENCY_TOLERATED)
        return quick and not dear and self.figures[Measure.ENTROPY_BITS] >= self.wishes.bits - BITS_TOLERATED

    @property
    def least_pool(self) -> float:
        """The packets in the node that holds the fewest."""
        return least_pool_of(flows_of(self.scenario))


Answer: TypeAlias = Plan | Infeasible


def make_plan(wishes: Wishes, terms: Terms) -> Answer:
    """Return the cheapest network that meets all wishes, or why there is none and what comes nearest."""
    found = cheapest(wishes, terms)
    budget = wishes.budget_user_month
    if found is None or (budget is not None and found.cost_user_month > budget):
        return why_infeasible(wishes, terms, found)
    return _judged(wishes, terms, found)


def judge(scenario: Scenario) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return what the `exact` engine says of a scenario: figures and notes."""
    outcome = ENGINE.run(scenario, Seeds(scenario.seeds, replicate=0), progress=lambda _: None)
    return outcome.figures, outcome.notes


def _judged(wishes: Wishes, terms: Terms, found: Found) -> Plan:
    """Return the plan of a design, the search being repeated with what it left out taken off the latency."""
    measure = _MEASURES[wishes.latency_kind]
    best, figures, notes = found, *judge(scenario_of(wishes, terms, found.design))
    asked_s = wishes.latency_s
    for _ in range(4):
        if figures[measure] <= wishes.latency_s:
            break
        # The search leaves out what a full pull leaves behind, and its grid is coarser than the engine's.
        asked_s *= wishes.latency_s / figures[measure] * (1 - LATENCY_TOLERATED / 4)
        again = cheapest(replace(wishes, latency_s=asked_s), terms)
        if again is None:
            break
        best, figures, notes = again, *judge(scenario_of(wishes, terms, again.design))
    return _plan(wishes, terms, best.design, figures, notes)


def _plan(wishes: Wishes, terms: Terms, design: Design, figures: dict[str, float], notes: tuple[str, ...]) -> Plan:
    scenario = scenario_of(wishes, terms, design)
    scenario = msgspec.structs.replace(scenario, run=run_of(scenario, wishes, figures))
    flows = flows_of(scenario)
    layer = widths(terms, flows, design.delay_mean_s)
    return Plan(
        wishes=wishes,
        terms=terms,
        design=design,
        scenario=scenario,
        figures=figures,
        notes=notes,
        layer=layer,
        hosting=widths(terms, flows, design.delay_mean_s, providers=True),
        layer_bound=_layer_bound(terms, design, layer),
        rates_bound=_rates_bound(wishes, terms, design),
        month_cost=traffic.month_cost(scenario),
        node_bytes_per_s=traffic.nodes_send_per_s(scenario, flows) * traffic.frame_bytes(scenario),
    )


def _layer_bound(terms: Terms, design: Design, layer: WidthInterval) -> str:
    if design.width > max(1, ceil(layer.least)):
        return f"at least {terms.least_width} mixes are wanted in a layer; the processors would do with fewer"
    return "the processors' end: fewer mixes would be too busy"


def _rates_bound(wishes: Wishes, terms: Terms, design: Design) -> str:
    if design.payload_rate_per_s <= least_rate_per_s(wishes, terms) * 1.02:
        if wishes.latency_kind.startswith("network"):
            return "the turns that packets may wait for, or what users have to say; latency is left over for entropy"
        return "what users have to say; latency is left over for entropy"
    flows = flows_of(scenario_of(wishes, terms, replace(design, delay_mean_s=1.0)))
    by_pools_s = terms.least_pool / least_pool_of(flows)
    if by_pools_s >= needed_delay_mean_s(wishes, terms, design) * (1 - 1e-9):
        return f"latency, and pools of {terms.least_pool:g}: turns must leave time for delays that fill them"
    return "latency and entropy: fewer packets would need longer delays"


def month_bytes(bytes_per_s: float) -> float:
    """Return what a rate of bytes comes to in a month of 30 days."""
    return bytes_per_s * capacity.MONTH_S

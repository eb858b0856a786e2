"""What a collector tells of a period, and the sum of what all collectors tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError, MisuseError
from stats.counters.noise import node_sigmas, promised
from stats.counters.plan import MOST_COUNTERS, CounterPlan
from stats.counters.shares import MODULUS, added, signed_number

DEVIATIONS = 1.96
"""To both sides of the mean these hold 95 % of a normal distribution."""
MOST_TOTAL_BYTES = 1_000_000

ShareSum = Annotated[int, msgspec.Meta(ge=0)]


class CounterTotal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sums of the shares that one collector has of a period. On their own they are evenly distributed."""

    plan: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    period: Annotated[int, msgspec.Meta(ge=0)]
    collector: str
    nodes: tuple[str, ...]
    """Whose shares are in it, in the order of the plan."""
    sums: Annotated[tuple[ShareSum, ...], msgspec.Meta(max_length=MOST_COUNTERS)]


class SummedCounter(msgspec.Struct, frozen=True, kw_only=True):
    """A counter over all nodes, with noise. `low`, `high`: its 95 % interval, for the noise alone."""

    name: str
    value: int
    low: int
    high: int


class SummedPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """What a period comes to. `eps` holds at the plan's delta if at most as many nodes lie as the plan says."""

    period: int
    nodes: tuple[str, ...]
    missing: tuple[str, ...]
    eps: float
    delta: float
    counters: tuple[SummedCounter, ...]


def read_total(data: bytes, plan: CounterPlan) -> CounterTotal:
    """Return the total in `data`; raise `FormatError` if it is none of this plan."""
    if len(data) > MOST_TOTAL_BYTES:
        raise FormatError(f"a total has at most {MOST_TOTAL_BYTES} bytes")
    try:
        total = msgspec.json.decode(data, type=CounterTotal)
    except UNDECODABLE as error:
        raise FormatError(f"no total of counters: {error}") from error
    known = {node.name: place for place, node in enumerate(plan.nodes)}
    places = [known.get(name, -1) for name in total.nodes]
    if total.plan != plan.plan_id.hex() or total.collector not in plan.collectors or total.period >= plan.periods:
        raise FormatError("the total is one of another plan")
    if -1 in places or places != sorted(set(places)):
        raise FormatError("the nodes of the total are not nodes of the plan, in its order")
    if len(total.sums) != len(plan.counters) or any(value >= MODULUS for value in total.sums):
        raise FormatError("the sums of the total are not one for each counter, below 2**64")
    return total


def total_of(plan: CounterPlan, period: int, collector: int, shares: dict[int, tuple[int, ...]]) -> CounterTotal:
    """Return a collector's total of the shares of some nodes; raise `MisuseError` if these are too few."""
    _check_enough(plan, len(shares))
    return CounterTotal(
        plan=plan.plan_id.hex(),
        period=period,
        collector=plan.collectors[collector],
        nodes=tuple(plan.nodes[node].name for node in sorted(shares)),
        sums=added([shares[node] for node in sorted(shares)]),
    )


def summed(plan: CounterPlan, totals: Sequence[CounterTotal]) -> SummedPeriod:
    """Return the sum of the totals of all collectors of a period.

    Raises `MisuseError` if they do not belong together: one of each collector, of one period and of the same nodes.
    """
    if sorted(total.collector for total in totals) != sorted(plan.collectors):
        raise MisuseError(f"there has to be one total of each collector: {', '.join(plan.collectors)}")
    first = totals[0]
    if any(total.period != first.period for total in totals):
        raise MisuseError("the totals are of different periods")
    if any(total.nodes != first.nodes for total in totals):
        common = set(first.nodes).intersection(*(total.nodes for total in totals))
        raise MisuseError(f"the totals are of different nodes; {len(common)} of them are in all: tell these again")
    _check_enough(plan, len(first.nodes))
    return _summed(plan, first, added([total.sums for total in totals]))


def margin_of(sigma: int, nodes: int) -> int:
    """Return how far a sum is off with 95 % confidence, if so many nodes add noise of this scale."""
    return math.ceil(DEVIATIONS * sigma * math.sqrt(nodes))


def _summed(plan: CounterPlan, first: CounterTotal, sums: Sequence[int]) -> SummedPeriod:
    sigmas, present = node_sigmas(plan), len(first.nodes)
    counters = []
    for counter, sigma, value in zip(plan.counters, sigmas, sums, strict=True):
        found, reach = signed_number(value), margin_of(sigma, present)
        counters.append(SummedCounter(name=counter.name, value=found, low=found - reach, high=found + reach))
    return SummedPeriod(
        period=first.period,
        nodes=first.nodes,
        missing=tuple(node.name for node in plan.nodes if node.name not in first.nodes),
        eps=promised(plan, sigmas, present - plan.dishonest),
        delta=float(Fraction(plan.delta)),
        counters=tuple(counters),
    )


def _check_enough(plan: CounterPlan, present: int) -> None:
    if present < plan.least_nodes:
        raise MisuseError(f"{present} nodes are too few: with less than {plan.least_nodes} the noise is too small")

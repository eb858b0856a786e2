"""Each check of the example of relays passes for a good run, and fails for what it is about."""

from __future__ import annotations

import dataclasses

from stats.counters.totals import CounterTotal, SummedCounter, SummedPeriod
from stats.demo.relays import PARAMS, RelayEvents, relay_checks

NODES = ("mix-1", "mix-2", "provider-1")
SUMS = (2**63 + 12345, 2**64 - (2**63 + 12345) + 10_000)


def total(place: int) -> CounterTotal:
    return CounterTotal(plan="a" * 64, period=0, collector=f"provider-{place}", nodes=NODES, sums=(SUMS[place - 1],))


GOOD = RelayEvents(
    nodes=NODES,
    truth=10_500,
    totals=[total(1), total(2)],
    result=SummedPeriod(
        period=0,
        nodes=NODES,
        missing=(),
        eps=1.0,
        delta=1e-5,
        counters=(SummedCounter(name="packets", value=10_000, low=9_900, high=10_100),),
    ),
    left=(),
)


def failed(**changes: object) -> list[str]:
    events = dataclasses.replace(GOOD, **changes)  # type: ignore[arg-type]
    return [check.name for check in relay_checks(events) if not check.passed]


def test_each_fault_fails_its_check() -> None:
    assert failed() == []
    assert failed(nodes=(*NODES, "provider-2")) == ["nodes in the sum"]
    assert failed(truth=20_000) == ["the sum"]
    assert failed(truth=5_000) == ["the sum"]
    plain = dataclasses.replace(GOOD, totals=[plain_total(5_000), plain_total(5_000)])
    assert [check.name for check in relay_checks(plain) if not check.passed] == ["what one collector sees"]
    assert failed(totals=[total(1), total(1)]) == ["what one collector sees"]
    assert failed(left=("mix-1",)) == ["processes left running"]


def plain_total(value: int) -> CounterTotal:
    """Return the total of a collector that sees counts as they are."""
    return CounterTotal(plan="a" * 64, period=0, collector="provider-1", nodes=NODES, sums=(value,))


def test_its_network_pulls_as_much_as_an_authority_demands() -> None:
    assert PARAMS.pulls_fault is None

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from loopixmix.errors import FormatError, MisuseError
from stats.counters.example import example_plan
from stats.counters.plan import CountingNode, RelayCounter, encode_plan, plan_faults, read_plan
from tests.worlds.stats.counting import DELIVER_S, OPENS_S, PERIOD_S, new_plan

TWICE = RelayCounter(name="packets", path="packets_out", protected=1)


def test_a_plan_is_read_in_any_form_and_known_by_its_hash() -> None:
    plan = new_plan()
    assert read_plan(json.dumps(json.loads(encode_plan(plan)), indent=2).encode()) == plan
    assert new_plan(eps="2").plan_id != plan.plan_id
    assert list(plan_faults(example_plan(1.5e9))) == []


def test_periods_follow_each_other() -> None:
    plan = new_plan()
    assert plan.ends_s(0) == OPENS_S + PERIOD_S
    moments = (OPENS_S - 1, OPENS_S, OPENS_S + PERIOD_S, OPENS_S + 3 * PERIOD_S - 1, OPENS_S + 3 * PERIOD_S)
    assert [plan.period_at(moment) for moment in moments] == [None, 0, 1, 2, None]
    assert DELIVER_S < PERIOD_S


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"opens": datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, "opens"),
    ({"collectors": ("alpha", "alpha")}, "collectors"),
    ({"collectors": ("alpha", "Be ta")}, "collectors"),
    ({"eps": "0"}, "eps, delta"),
    ({"delta": "0.5"}, "eps, delta"),
    ({"dishonest": 3}, "dishonest"),
    ({"least_nodes": 5}, "least_nodes"),
    ({"counters": (TWICE, TWICE)}, "counters: two"),
    ({"nodes": (CountingNode(name="a", key="0" * 64), CountingNode(name="b", key="0" * 64)) * 2}, "nodes: two"),
]


@pytest.mark.parametrize(("changes", "fault"), FAULTS)
def test_a_fault_is_found_and_the_plan_refused(changes: dict[str, Any], fault: str) -> None:
    plan = new_plan(**changes)
    assert any(fault in line for line in plan_faults(plan))
    with pytest.raises(MisuseError):
        read_plan(encode_plan(plan))


@pytest.mark.parametrize("data", [b"", b"{}", b" " * 200_001, encode_plan(new_plan()).replace(b'"eps"', b'"epsilon"')])
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="plan"):
        read_plan(data)

"""The example of flights, in small: what is released is learned from, and nothing else."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest

from stats.collect.refusals import ReportRefusal
from stats.demo.flow_checks import far_from_truth, flow_checks
from stats.demo.flows import FlowEvents, hold_flows

FLIGHTS = [("JFK", "LAX")] * 60 + [("LGA", "ORD")] * 30 + [("EWR", "BOS")] * 10
PEOPLE = 2_000


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> FlowEvents:
    told: list[int] = []
    made = hold_flows(tmp_path_factory.mktemp("flows"), FLIGHTS, PEOPLE, random.Random(1), told.append)
    assert told == [1_000, 2_000]
    return made


def test_all_checks_pass_and_the_frequent_pairs_are_those_that_are_flown(events: FlowEvents) -> None:
    assert [check.name for check in flow_checks(events) if not check.passed] == []
    assert sum(events.batches) == PEOPLE
    assert min(events.batches) >= PEOPLE // 5
    names = {divmod(each.value, len(events.places)) for each in events.found}
    assert {(events.places[origin], events.places[end]) for origin, end in names} == set(FLIGHTS)
    assert sum(events.everybody.values()) == pytest.approx(1.0)


def test_what_is_wrong_is_found(events: FlowEvents) -> None:
    def failed(**changes: object) -> list[str]:
        changed = dataclasses.replace(events, **changes)  # type: ignore[arg-type]
        return [check.name for check in flow_checks(changed) if not check.passed]

    assert failed(batches=(1_000, 999)) == ["each report released once"]
    assert failed(refused=Counter[ReportRefusal]()) == ["junk is refused"]
    assert failed(found=()) == ["frequent pairs"]
    [first, *others] = events.found
    assert failed(found=(dataclasses.replace(first, value=1), *others)) == ["frequent pairs"]
    assert failed(promised_eps=0.1) == ["the promise"]
    [most, *_] = [each.value for each in events.found]
    elsewhere = {**events.everybody, most: events.everybody[most] - 0.3}
    assert failed(everybody=elsewhere) == ["truth and estimate"]
    assert far_from_truth(dataclasses.replace(events, everybody=elsewhere)) == [most]

"""Tasks: one replicate of one point each."""

from __future__ import annotations

import msgspec

from simulations.outcome import Outcome
from simulations.scenario import Scenario, change
from simulations.sweep.points import Axis, points_of
from simulations.sweep.tasks import Record, Task, tasks_of

POINTS = points_of(Scenario(), [Axis("mix.delay_mean_s", (0.1, 0.2))])


def task(scenario: Scenario, **changes: object) -> Task:
    return msgspec.structs.replace(Task(engine="vector", scenario=scenario, point=0, replicate=0), **changes)


def test_points_fill_evenly_and_theory_comes_last() -> None:
    positions = [each.position for each in tasks_of(POINTS, engine="vector", replicates=2)]
    assert positions == [(0, 0, False), (1, 0, False), (0, 1, False), (1, 1, False), (0, 0, True), (1, 0, True)]


def test_theory_needs_none_beside_it() -> None:
    assert [each.position for each in tasks_of(POINTS, engine="exact", replicates=1)] == [(0, 0, False), (1, 0, False)]


def test_the_digest_is_of_what_makes_the_outcome() -> None:
    own = task(Scenario())
    same = task(change(Scenario(), {"name": "other", "run.replicates": 9}))
    assert own.digest("code") == same.digest("code")
    others = [
        task(change(Scenario(), {"seeds.root": 2})),
        task(Scenario(), replicate=1),
        task(Scenario(), engine="nodes"),
    ]
    assert len({own.digest("code"), own.digest("new code"), *(each.digest("code") for each in others)}) == 5


def test_tasks_and_records_travel_as_bytes() -> None:
    record = Record(point=1, replicate=2, outcome=Outcome(engine="vector", figures={"epsilon": 0.5}))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record) == record
    own = task(Scenario())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(own), type=Task) == own

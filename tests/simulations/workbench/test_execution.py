"""Performing a task: the engine, and the attacks beside it."""

from __future__ import annotations

import pytest

from simulations.scenario import Scenario, change
from simulations.sweep.tasks import Task
from simulations.workbench.execution import perform

SMALL: dict[str, object] = {
    "users.count": 20,
    "run.duration_s": 2.0,
    "run.warm_up_s": 0.5,
    "run.drain_s": 0.5,
    "run.targets": 0,
}


@pytest.mark.parametrize(
    ("engine", "attacked"),
    [("vector", True), ("exact", False), ("tests.worlds.toys:ENGINE", False)],
    ids=str,
)
def test_attacks_run_beside_the_engine_that_they_belong_to(engine: str, attacked: bool) -> None:
    scenario = change(Scenario(), SMALL | {"attacks.fifo.trials": 1000})
    told: list[float] = []
    outcome = perform(Task(engine=engine, scenario=scenario, point=0, replicate=0), told.append).outcome
    assert ("attack.fifo.success" in outcome.figures) == attacked
    assert told == sorted(told)


def test_progress_leaves_half_for_the_attacks() -> None:
    told: list[float] = []
    scenario = change(Scenario(), SMALL | {"attacks.fifo.trials": 1000})
    perform(Task(engine="vector", scenario=scenario, point=0, replicate=0), told.append)
    assert told[-1] == 1.0
    assert len([share for share in told if 0.4 <= share <= 0.6]) > 0

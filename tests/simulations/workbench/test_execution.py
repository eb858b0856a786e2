"""Performing a task: the engine, and the attacks beside it."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from distributed import LocalCluster

from loopixmix.errors import MisuseError
from simulations.scenario import Scenario, change
from simulations.sweep.tasks import Task
from simulations.workbench.execution import perform
from simulations.workbench.runs import plan_of, run
from tests.worlds.simulations.node_worlds import small

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


def test_threads_of_one_process_may_each_run_deployed_nodes() -> None:
    # A Dask worker has as many threads as processors unless it is told otherwise.
    scenario = small({"run.duration_s": 1.0, "run.warm_up_s": 1.0, "run.drain_s": 1.0})
    tasks = [Task(engine="nodes", scenario=scenario, point=0, replicate=number % 2) for number in range(8)]
    before = gc.get_threshold()
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda task: perform(task, lambda _: None).outcome, tasks))
    assert together == [perform(task, lambda _: None).outcome for task in tasks[:2]] * 4
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_a_worker_of_a_cluster_may_have_several_threads() -> None:
    scenario = small({"run.duration_s": 1.0, "run.warm_up_s": 1.0, "run.drain_s": 1.0})
    here = run(scenario, "nodes", replicates=4, jobs=1)
    with LocalCluster(
        n_workers=1,
        threads_per_worker=4,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        there = run(scenario, "nodes", replicates=4, dask=cluster.scheduler_address)
    assert [record.outcome for record in there.records] == [record.outcome for record in here.records]


def test_a_file_that_is_another_one_than_when_the_run_began_is_refused() -> None:
    """As on a worker of a cluster that has its own."""
    module = "module tests.worlds.toys"
    plan = plan_of(Scenario(), "tests.worlds.toys:ENGINE", replicates=1)
    task = plan.tasks[0]
    assert task.inputs == plan.manifest.inputs
    assert perform(task, lambda _: None).outcome.engine == "toy"
    other = msgspec.structs.replace(task, inputs={module: "0" * 64})
    with pytest.raises(MisuseError, match=rf"{module} is another file here .* the run began \(000000000000\)"):
        perform(other, lambda _: None)

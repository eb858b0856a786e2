"""Sweeps of an application's own work, here and in processes."""

from __future__ import annotations

from contextlib import closing

import pytest

from loopixmix.sweeps.local import WorkerLostError, usable_cores
from loopixmix.sweeps.places import Place, performed
from loopixmix.sweeps.work import Finished, TaskWork
from tests.worlds.sweeps import BACKWARDS, DYING, FAILING

TASKS = [b"%d!" % number for number in range(7)]


class Listener:
    """Hears how far a sweep is."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int, int]] = []
        self.closed = False

    def show(self, done: float, over: int, tasks: int) -> None:
        self.heard.append((done, over, tasks))

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_task_gives_its_outcome_once_and_with_its_place(jobs: int) -> None:
    listener = Listener()
    found = list(performed(BACKWARDS, TASKS, Place(jobs), watcher=listener, done_before=3))
    assert sorted(found, key=lambda task: task.place) == [
        Finished(place, task[::-1]) for place, task in enumerate(TASKS)
    ]
    assert (listener.heard[0], listener.heard[-1]) == ((3.0, 3, 10), (10.0, 10, 10))
    assert listener.closed


def test_without_tasks_nothing_is_started_or_shown() -> None:
    listener = Listener()
    assert list(performed(BACKWARDS, [], Place(2), watcher=listener)) == []
    assert listener.heard == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_goes_wrong_in_the_work_comes_out(jobs: int) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(performed(FAILING, [b"well", b"fail", b"well"], Place(jobs)))


def test_a_process_that_dies_is_said() -> None:
    with pytest.raises(WorkerLostError, match="a process that ran a task died, perhaps for want of memory"):
        list(performed(DYING, [b"well", b"die", b"well"], Place(2)))


def test_a_sweep_that_is_given_up_does_no_more() -> None:
    done: list[bytes] = []

    def perform(task: bytes, progress: object) -> bytes:
        done.append(task)
        return task

    with closing(performed(TaskWork(perform, str), TASKS, Place(1))) as found:
        assert next(found).outcome == TASKS[0]
    assert done == TASKS[:1]


def test_a_place_says_where_it_is() -> None:
    assert Place(3).text == "3 local jobs"
    assert Place().text == f"{usable_cores()} local jobs"
    assert Place(dask="tcp://127.0.0.1:8786").text == "Dask cluster tcp://127.0.0.1:8786"

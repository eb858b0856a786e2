"""A task: one replicate of one point. It is all that travels to another process, and its outcome all that returns."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import msgspec

from loopixmix.errors import MisuseError
from simulations.outcome import Outcome, Progress
from simulations.scenario import Scenario, change
from simulations.seeds import Seeds
from simulations.workbench.engines import engine_named
from simulations.workbench.sweep import Point


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One replicate of one point, independent of all others: its randomness follows from seeds and replicate alone."""

    engine: str
    scenario: Scenario
    point: int
    replicate: int

    def digest(self, code: str) -> str:
        """Return what identifies the outcome: engine, scenario, replicate and the code that computes it.

        How many replicates there are, and what the scenario is called, change no outcome.
        """
        same = {"run.replicates": 1, "name": "task", "description": ""}
        parts = (self.engine.encode(), msgspec.json.encode(change(self.scenario, same)), code.encode())
        hashed = hashlib.sha256(b"%d\n" % self.replicate)
        for part in parts:
            hashed.update(hashlib.sha256(part).digest())
        return hashed.hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a task gave. `seconds`: how long it took, None where an earlier session did it."""

    point: int
    replicate: int
    outcome: Outcome
    seconds: float | None = None


def tasks_of(points: Sequence[Point], *, engine: str, replicates: int) -> tuple[Task, ...]:
    """Return all tasks: first replicate 0 of each point, then replicate 1, so that all points fill evenly."""
    return tuple(
        Task(engine=engine, scenario=point.scenario, point=point.number, replicate=replicate)
        for replicate in range(replicates)
        for point in points
    )


def perform(task: Task, progress: Progress) -> Record:
    """Run one task, here and now; raise `MisuseError` where the engine cannot do it."""
    engine = engine_named(task.engine)
    began_s = time.perf_counter()
    try:
        outcome = engine.run(task.scenario, Seeds(task.scenario.seeds, replicate=task.replicate), progress=progress)
    except MisuseError:
        raise
    except Exception as error:
        error.add_note(f"while running replicate {task.replicate} of point {task.point} with engine {task.engine}")
        raise
    return Record(point=task.point, replicate=task.replicate, outcome=outcome, seconds=time.perf_counter() - began_s)

"""A task: one replicate of one point. It is all that travels to another process, and its outcome all that returns."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from loopixmix.errors import MisuseError
from simulations.outcome import Outcome, Progress
from simulations.scenario import Scenario
from simulations.seeds import Seeds
from simulations.workbench.engines import THEORY, engine_named
from simulations.workbench.sweep import Point
from simulations.workbench.threads import one_thread

Place: TypeAlias = tuple[int, int, bool]
"""Point, replicate, and whether it is theory."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One replicate of one point, independent of all others: its randomness follows from seeds and replicate alone.

    `theory`: what the `exact` engine says of the point beside the engine that was asked for, which may be nothing.
    """

    engine: str
    scenario: Scenario
    point: int
    replicate: int
    theory: bool = False

    @property
    def place(self) -> Place:
        """Where in the run it belongs."""
        return self.point, self.replicate, self.theory

    def digest(self, code: str) -> str:
        """Return what identifies the outcome: engine, scenario, replicate and the code that computes it.

        How many replicates there are, and what the scenario is called, change no outcome.
        """
        run = msgspec.structs.replace(self.scenario.run, replicates=1)
        scenario = msgspec.structs.replace(self.scenario, name="task", description="", run=run)
        parts = (self.engine.encode(), msgspec.json.encode(scenario), code.encode())
        hashed = hashlib.sha256(b"%d\n" % self.replicate)
        for part in parts:
            hashed.update(hashlib.sha256(part).digest())
        return hashed.hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a task gave. `seconds`: how long it took, None where an earlier session did it."""

    point: int
    replicate: int
    outcome: Outcome
    theory: bool = False
    seconds: float | None = None

    @property
    def place(self) -> Place:
        """Where in the run it belongs."""
        return self.point, self.replicate, self.theory


def tasks_of(points: Sequence[Point], *, engine: str, replicates: int) -> tuple[Task, ...]:
    """Return all tasks: replicate 0 of each point, then replicate 1, so that points fill evenly, and theory last."""
    measured = [
        Task(engine=engine, scenario=point.scenario, point=point.number, replicate=replicate)
        for replicate in range(replicates)
        for point in points
    ]
    if engine == THEORY:
        return tuple(measured)
    theory = [
        Task(engine=THEORY, scenario=point.scenario, point=point.number, replicate=0, theory=True) for point in points
    ]
    return (*measured, *theory)


def perform(task: Task, progress: Progress) -> Record:
    """Run one task, here and now; raise `MisuseError` where the engine cannot do it."""
    began_s = time.perf_counter()
    with one_thread():
        outcome = _theory(task, progress) if task.theory else _outcome(task, progress)
    seconds = time.perf_counter() - began_s
    return Record(point=task.point, replicate=task.replicate, theory=task.theory, outcome=outcome, seconds=seconds)


def _outcome(task: Task, progress: Progress) -> Outcome:
    seeds = Seeds(task.scenario.seeds, replicate=task.replicate)
    try:
        return engine_named(task.engine).run(task.scenario, seeds, progress=progress)
    except MisuseError:
        raise
    except Exception as error:
        error.add_note(f"while running replicate {task.replicate} of point {task.point} with engine {task.engine}")
        raise


def _theory(task: Task, progress: Progress) -> Outcome:
    try:
        engine_named(task.engine).check(task.scenario)
        return _outcome(task, progress)
    except MisuseError as error:
        return Outcome(engine=task.engine, figures={}, notes=(f"there is none here: {error}",))

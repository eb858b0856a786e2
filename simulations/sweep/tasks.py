"""A task: one replicate of one point. It is all that travels to another process, and its outcome all that returns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from simulations.outcome import Outcome
from simulations.scenario import Scenario
from simulations.sweep.points import Point

THEORY = "exact"
"""The engine of the closed forms, which speaks beside every other engine."""

Position: TypeAlias = tuple[int, int, bool]
"""Point, replicate, and whether it is theory."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One replicate of one point, independent of all others: its randomness follows from seeds and replicate alone.

    `theory`: what the `exact` engine says of the point beside the engine that was asked for, which may be nothing.
    `inputs`: the SHA-256 of files that the run takes something from, as they were when it began.
    """

    engine: str
    scenario: Scenario
    point: int
    replicate: int
    theory: bool = False
    inputs: dict[str, str] = {}

    @property
    def position(self) -> Position:
        """Its place in the run."""
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
    """The result of a task. `seconds`: how long it took, None if an earlier session did it."""

    point: int
    replicate: int
    outcome: Outcome
    theory: bool = False
    seconds: float | None = None

    @property
    def position(self) -> Position:
        """Its place in the run."""
        return self.point, self.replicate, self.theory


def tasks_of(
    points: Sequence[Point], *, engine: str, replicates: int, inputs: Mapping[str, str] | None = None
) -> tuple[Task, ...]:
    """Return all tasks: replicate 0 of each point, then replicate 1, so that points fill evenly, and theory last."""
    files = dict(inputs or {})
    measured = [
        Task(engine=engine, scenario=point.scenario, point=point.number, replicate=replicate, inputs=files)
        # Replicate by replicate: an interrupted sweep then has a little of every point, which can be looked at already.
        for replicate in range(replicates)
        for point in points
    ]
    if engine == THEORY:
        return tuple(measured)
    theory = [
        Task(engine=THEORY, scenario=point.scenario, point=point.number, replicate=0, theory=True, inputs=files)
        for point in points
    ]
    return (*measured, *theory)

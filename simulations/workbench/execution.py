"""Performing a task: the engine runs, and then the attacks that go with it."""

from __future__ import annotations

import time

import msgspec

from loopixmix.errors import MisuseError
from simulations.outcome import Outcome, Progress
from simulations.scenario.values import Attacks
from simulations.seeds import Seeds
from simulations.sweep.tasks import Record, Task
from simulations.workbench.engines import attacks_beside, engine_named
from simulations.workbench.threads import one_thread


def perform(task: Task, progress: Progress) -> Record:
    """Run one task, here and now; raise `MisuseError` if the engine cannot do it."""
    began_s = time.perf_counter()
    # In every process alike: the last digits of a sum must not depend on where it was computed.
    with one_thread():
        outcome = _theory(task, progress) if task.theory else _outcome(task, progress)
    seconds = time.perf_counter() - began_s
    return Record(point=task.point, replicate=task.replicate, theory=task.theory, outcome=outcome, seconds=seconds)


def _outcome(task: Task, progress: Progress) -> Outcome:
    seeds = Seeds(task.scenario.seeds, replicate=task.replicate)
    # An attack may take as long as the engine; nothing better is known before both have run.
    share = 0.5 if task.scenario.attacks != Attacks() else 1.0
    try:
        outcome = engine_named(task.engine).run(task.scenario, seeds, progress=lambda done: progress(share * done))
        figures = attacks_beside(task.engine)(
            task.scenario, seeds, progress=lambda done: progress(share + (1 - share) * done)
        )
    except MisuseError:
        raise
    except Exception as error:
        error.add_note(f"while running replicate {task.replicate} of point {task.point} with engine {task.engine}")
        raise
    return msgspec.structs.replace(outcome, figures={**outcome.figures, **figures}) if figures else outcome


def _theory(task: Task, progress: Progress) -> Outcome:
    try:
        engine_named(task.engine).check(task.scenario)
        return _outcome(task, progress)
    except MisuseError as error:
        return Outcome(engine=task.engine, figures={}, notes=(f"there is none here: {error}",))

"""Performing a task: the engine runs, and then the attacks that go with it; also as the work of a sweep."""

from __future__ import annotations

import time

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.sweeps.threads import one_thread
from loopixmix.sweeps.work import Progress, TaskWork
from simulations.outcome import Outcome
from simulations.results.provenance import computing, inputs_of
from simulations.scenario.values import Attacks
from simulations.seeds import Seeds
from simulations.sweep.tasks import Record, Task
from simulations.workbench.engines import attacks_beside, engine_named


def perform(task: Task, progress: Progress) -> Record:
    """Run one task, here and now; raise `MisuseError` if the engine cannot do it, or a file is another one by now."""
    _check_inputs(task)
    began_s = time.perf_counter()
    # In every process alike: the last digits of a sum must not depend on where it was computed.
    with one_thread():
        outcome = _theory(task, progress) if task.theory else _outcome(task, progress)
    seconds = time.perf_counter() - began_s
    return Record(point=task.point, replicate=task.replicate, theory=task.theory, outcome=outcome, seconds=seconds)


def _check_inputs(task: Task) -> None:
    # A worker of a cluster has files of its own, and somebody may write a file anew while a sweep goes on.
    for name, digest in inputs_of([task.scenario], task.engine).items():
        if task.inputs.get(name, digest) != digest:
            raise MisuseError(
                f"{name} is another file here (SHA-256 {digest[:12]}) than where and when the run began "
                f"({task.inputs[name][:12]})"
            )


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


def encode_task(task: Task) -> bytes:
    """Return a task as it travels, to local processes and over a cluster alike."""
    return msgspec.msgpack.encode(task)


def decode_record(encoded: bytes) -> Record:
    """Return what a task gave from the form in which it travelled."""
    return msgspec.msgpack.decode(encoded, type=Record)


def _perform_encoded(task: bytes, progress: Progress) -> bytes:
    return msgspec.msgpack.encode(perform(msgspec.msgpack.decode(task, type=Task), progress))


WORK = TaskWork(_perform_encoded, computing)
"""Tasks of scenarios, for `loopixmix.sweeps`."""

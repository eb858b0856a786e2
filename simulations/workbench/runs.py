"""A run: all tasks of a sweep, performed here or on a cluster, kept as they end, and put together."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from loopixmix.errors import MisuseError, StoreError
from loopixmix.sweeps.ending import ended_as_by_ctrl_c
from loopixmix.sweeps.places import Place, performed
from loopixmix.sweeps.progress import Watcher, watcher_for
from simulations.results.conclusions import notes_of, window
from simulations.results.folder import Folder
from simulations.results.manifest import Manifest, RunSession, Swept, Unfinished
from simulations.results.provenance import code, inputs_of, machine, now, versions
from simulations.results.result import Result
from simulations.results.tables import checked
from simulations.scenario import Scenario, ScenarioError, change, scenario_named
from simulations.sweep.points import Axis, Point, axes_of, points_of
from simulations.sweep.tasks import THEORY, Record, Task, tasks_of
from simulations.workbench.engines import engine_named
from simulations.workbench.execution import WORK, decode_record, encode_task

Sweep: TypeAlias = Mapping[str, Sequence[object]] | Iterable[Axis]

MOST_JOBS = 1024
COUNT_EVERY_S = 1.0
"""How long the manifest may lag behind the tasks that are kept, in seconds."""


@dataclass(frozen=True)
class RunPlan:
    """All that is to be done, and the manifest of it."""

    manifest: Manifest
    points: tuple[Point, ...]
    tasks: tuple[Task, ...]


def run(
    scenario: Scenario | str | Path,
    engine: str = "vector",
    *,
    sweep: Sweep = (),
    replicates: int | None = None,
    jobs: int | None = None,
    dask: str | None = None,
    out: Path | str | None = None,
    progress: bool | Watcher = False,
) -> Result:
    """Run a scenario, or a sweep over it, and return what came of it.

    `scenario`: a `Scenario`, the path of a TOML file, or the name of one that comes along. `engine`: `exact`, `vector`,
    `nodes` or MODULE:ATTRIBUTE. `sweep`: values for dotted keys; all combinations are run. `replicates`: instead of
    `run.replicates`; the `exact` engine needs one. `jobs`: processes, by default one for each processor. `dask`: the
    address of a Dask scheduler whose workers run the tasks instead. `out`: the folder where everything is kept; what is
    done there already is not done again. `progress`: whether to show it on stderr, or what is told.

    The same scenario, sweep and seeds give the same result bit for bit, whatever `jobs` and `dask` are.
    Raises `MisuseError`, such as `ScenarioError`, for what cannot be run.
    """
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise MisuseError(f"--jobs is {jobs}: must be a whole number from 1 to {MOST_JOBS}")
    base = scenario if isinstance(scenario, Scenario) else scenario_named(scenario)
    plan = plan_of(base, engine, sweep=sweep, replicates=replicates)
    shown: Watcher = watcher_for(base.name, quiet=not progress) if isinstance(progress, bool) else progress
    # For a script that a batch system ends; the command has done so already.
    with ended_as_by_ctrl_c():
        return run_plan(plan, Place(jobs, dask), shown, out=None if out is None else Path(out))


def run_plan(plan: RunPlan, place: Place, watcher: Watcher, *, out: Path | None) -> Result:
    """Do what is planned, keep it in the folder `out` if there is one, and return what came of it."""
    if out is None:
        return _concluded(plan, list(_outcomes(plan.tasks, place, watcher, done=0)), plan.manifest)
    with closing(Folder(out, plan.manifest)) as folder:
        return _run_in(folder, plan, place, watcher)


def plan_of(
    base: Scenario, engine: str, *, sweep: Sweep = (), replicates: int | None = None, source: str = ""
) -> RunPlan:
    """Return what is to be done; raise `MisuseError` if it cannot be, before anything is done.

    `source`: the file that errors name if the engine cannot do what it says.
    """
    wanted = 1 if engine == THEORY else base.run.replicates if replicates is None else replicates
    base = change(base, {"run.replicates": wanted})
    axes = axes_of(sweep)
    points = points_of(base, axes)
    _check(points, engine, source)
    inputs = inputs_of((point.scenario for point in points), engine)
    tasks = tasks_of(points, engine=engine, replicates=wanted, inputs=inputs)
    manifest = Manifest(
        engine=engine,
        scenario=base,
        sweep=tuple(Swept(key=axis.key, values=axis.values) for axis in axes),
        points=len(points),
        replicates=wanted,
        tasks=len(tasks),
        window=window(base, engine),
        inputs=inputs,
        code=code(),
        versions=versions(),
        machine=machine(),
    )
    return RunPlan(manifest, points, tasks)


def _check(points: Sequence[Point], engine: str, source: str) -> None:
    chosen = engine_named(engine)
    for point in points:
        try:
            chosen.check(point.scenario)
        except MisuseError as error:
            place = (source, f"with {point.text}" if point.text else "", str(error))
            raise ScenarioError(": ".join(filter(None, place))) from error


def _run_in(folder: Folder, plan: RunPlan, place: Place, watcher: Watcher) -> Result:
    """Run what the folder has not got, and write its tables; if nothing is missing, write nothing."""
    earlier = folder.finished(plan.tasks)
    whole, wanted = folder.whole, plan.manifest.replicates
    if len(earlier) == len(plan.tasks) and whole is not None and whole.replicates >= wanted:
        return _concluded(plan, earlier, _manifest_of(plan, whole))
    kept = folder.manifest
    if kept.complete and kept.replicates > wanted:
        # Something of the larger result is damaged: it is mended whole, for the folder stays the larger one's.
        mended = _run_in(folder, _of_replicates(plan, kept.replicates), place, watcher)
        return _concluded(plan, folder.finished(plan.tasks), _manifest_of(plan, mended.manifest))
    have = {record.position for record in earlier}
    # In the plan's order, so that an interrupted run goes on with the replicate it was at.
    missing = [task for task in plan.tasks if task.position not in have]
    diary = _Diary(folder, plan.manifest, place, done_before=len(earlier))
    with diary:
        for task, record in _paired(missing, _outcomes(missing, place, watcher, done=len(earlier))):
            folder.keep(task, record)
            diary.add(record)
        result = _concluded(plan, [*earlier, *diary.fresh], diary.manifest("complete"))
        written = folder.publish(result)
    return Result(manifest=written, points=result.points, records=result.records, theory=result.theory)


def _manifest_of(plan: RunPlan, published: Manifest) -> Manifest:
    """Return the manifest of a result that needs nothing but what a folder has: its own, if it has no more."""
    if published.replicates == plan.manifest.replicates:
        return published
    # Code, machine and sessions are those that computed it. The files in the folder hold more replicates.
    own = plan.manifest
    return msgspec.structs.replace(
        published, scenario=own.scenario, replicates=own.replicates, tasks=own.tasks, files={}, unfinished=None
    )


def _of_replicates(plan: RunPlan, replicates: int) -> RunPlan:
    manifest = plan.manifest
    sweep = [Axis(axis.key, axis.values) for axis in manifest.sweep]
    return plan_of(manifest.scenario, manifest.engine, sweep=sweep, replicates=replicates)


def _paired(
    tasks: Sequence[Task], records: Generator[Record, None, None]
) -> Generator[tuple[Task, Record], None, None]:
    by_position = {task.position: task for task in tasks}
    with closing(records):
        for record in records:
            yield by_position[record.position], record


def _outcomes(tasks: Sequence[Task], place: Place, watcher: Watcher, *, done: int) -> Generator[Record, None, None]:
    encoded = [encode_task(task) for task in tasks]
    with closing(performed(WORK, encoded, place, watcher=watcher, done_before=done)) as finished:
        for task in finished:
            record = decode_record(task.outcome)
            yield msgspec.structs.replace(record, outcome=checked(record.outcome))


def _concluded(plan: RunPlan, records: Sequence[Record], manifest: Manifest) -> Result:
    records = sorted(records, key=lambda record: record.position)
    # From all records, those of earlier sessions too, so that a resumed run ends with the manifest of one that was
    # never interrupted.
    notes = notes_of(plan.points, records)
    manifest = msgspec.structs.replace(manifest, notes=notes, complete=True, tasks_done=len(records))
    theory = {record.point: record.outcome for record in records if record.theory and record.outcome.figures}
    measured = [record for record in records if not record.theory]
    return Result(manifest=manifest, points=plan.points, records=measured, theory=theory)


class _Diary:
    """Writes in the manifest that a session began, how far it is, and how it ended."""

    def __init__(self, folder: Folder, manifest: Manifest, place: Place, *, done_before: int) -> None:
        self.fresh: list[Record] = []
        self._folder, self._manifest = folder, manifest
        self._published = folder.published
        self._sessions = folder.manifest.sessions
        self._done_before = done_before
        self._session = RunSession(started=now(), where=place.text)
        self._began_s = self._counted_s = time.monotonic()

    def __enter__(self) -> None:
        self._folder.note(self._so_far("running"))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if kind is None:
            return
        interrupted = issubclass(kind, KeyboardInterrupt | GeneratorExit | SystemExit)
        # On a full disk this fails too, and the first error is the one to be told.
        with suppress(StoreError):
            self._folder.note(self._so_far("interrupted" if interrupted else "failed"))

    def add(self, record: Record) -> None:
        """Count a task that is done and kept."""
        self.fresh.append(record)
        # Not at each of a thousand short tasks, for which it would be most of the work.
        if time.monotonic() - self._counted_s >= COUNT_EVERY_S:
            self._counted_s = time.monotonic()
            self._folder.note(self._so_far("running"))

    def manifest(self, end: str) -> Manifest:
        """Return the manifest of what this session makes, if it ends so."""
        return msgspec.structs.replace(self._manifest, tasks_done=self._done, sessions=self._sessions_with(end))

    def _so_far(self, end: str) -> Manifest:
        """Return the manifest until the work is done: a finished result stays in it, for its files are still there."""
        if self._published is None:
            return self.manifest(end)
        wanted = self._manifest
        unfinished = Unfinished(replicates=wanted.replicates, tasks=wanted.tasks, tasks_done=self._done)
        return msgspec.structs.replace(self._published, unfinished=unfinished, sessions=self._sessions_with(end))

    @property
    def _done(self) -> int:
        return self._done_before + len(self.fresh)

    def _sessions_with(self, end: str) -> tuple[RunSession, ...]:
        session = msgspec.structs.replace(
            self._session,
            end=end,
            ended=None if end == "running" else now(),
            seconds=round(time.monotonic() - self._began_s, 3),
            tasks_done=len(self.fresh),
            task_seconds=round(sum(record.seconds or 0.0 for record in self.fresh), 3),
        )
        return (*self._sessions, session)

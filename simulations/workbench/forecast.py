"""A forecast of a run: its points and tasks, and what they will take, from a trial of some of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loopixmix.sweeps.local import usable_cores
from loopixmix.sweeps.places import Place
from loopixmix.sweeps.trial import Trial, try_out
from simulations.results.folder import kept_in
from simulations.sweep.tasks import THEORY, Task
from simulations.workbench.execution import WORK, encode_task
from simulations.workbench.runs import RunPlan

TRY_S = 5.0
"""For how long each of the tasks is tried at most, in seconds."""


@dataclass(frozen=True)
class RunForecast:
    """What a run will take. `left`: the tasks that are not kept yet; `jobs`: None on a cluster, which may have any.

    `trials`: of the tasks at the first and the last point, which are most unlike in a sweep; none if nothing is left.
    `theory`: of a task of theory, if there are any.
    """

    points: int
    replicates: int
    tasks: int
    left: int
    jobs: int | None
    trials: tuple[Trial, ...]
    theory: Trial | None
    work_s: float

    @property
    def expected_s(self) -> float:
        """How long it takes; on a cluster, with one worker of one thread."""
        return self.work_s / max(1, min(self.jobs or 1, self.left))

    @property
    def is_least(self) -> bool:
        """Whether it may take much longer, because a task did not tell in time how far it is."""
        return any(trial.seconds is None for trial in (*self.trials, *filter(None, (self.theory,))))

    @property
    def task_bytes(self) -> int:
        """The memory of the process of one task."""
        return max((trial.peak_bytes for trial in (*self.trials, *filter(None, (self.theory,)))), default=0)


def forecast(plan: RunPlan, place: Place, *, out: Path | None, try_s: float = TRY_S) -> RunForecast:
    """Return what a run would take, in `try_s` seconds for each of up to three tasks; write nothing.

    Raises `FolderError` if `out` keeps another run, `TrialError` if a task fails.
    """
    left = list(plan.tasks) if out is None else kept_in(out, plan.manifest).lacking(plan.tasks)
    measured, theory = [task for task in left if not task.theory], [task for task in left if task.theory]
    ends = {task.point: task for task in (measured[:1] + measured[-1:])}
    trials = tuple(_tried(task, try_s) for task in ends.values())
    of_theory = _tried(theory[0], try_s) if theory else None
    each_s = sum(trial.known_s for trial in trials) / max(1, len(trials))
    return RunForecast(
        points=len(plan.points),
        replicates=plan.manifest.replicates,
        tasks=len(plan.tasks),
        left=len(left),
        jobs=None if place.dask is not None else place.jobs or usable_cores(),
        trials=trials,
        theory=of_theory,
        work_s=len(measured) * each_s + (len(theory) * of_theory.known_s if of_theory else 0.0),
    )


def _tried(task: Task, try_s: float) -> Trial:
    return try_out(WORK, encode_task(task), within_s=try_s)


def lines_of(found: RunForecast, plan: RunPlan, out: Path | None) -> list[str]:
    """Return a forecast as lines for a reader."""
    sweep = " x ".join(f"{len(axis.values)} of {axis.key}" for axis in plan.manifest.sweep)
    each = "one replicate" if found.replicates == 1 else f"{found.replicates} replicates"
    with_theory = "" if plan.manifest.engine == THEORY else ", and theory once for each point"
    lines = [
        f"points    {found.points:,}{f' ({sweep})' if sweep else ''}",
        f"tasks     {found.tasks:,} ({each} of each point{with_theory})",
    ]
    if found.left < found.tasks:
        lines.append(f"kept      {found.tasks - found.left:,} of them, in {out}: {found.left:,} are left")
    if not found.left:
        return [*lines, "time      none: all is done"]
    least = "at least " if found.is_least else "about "
    tried = " to ".join(dict.fromkeys(span(trial.known_s) for trial in found.trials))
    if tried:
        where = " (at the first and the last point)" if len(found.trials) > 1 else ""
        lines.append(f"a task    {least}{tried}{where}")
    if found.theory is not None:
        lines.append(f"theory    about {span(found.theory.known_s)} a point")
    each_mb = f"{found.task_bytes / 1e6:,.0f} MB"
    if found.jobs is None:
        lines.append(f"memory    about {each_mb} for each task that runs")
        lines.append(f"time      {least}{span(found.expected_s)} of work, shared among the workers of the cluster")
        return lines
    jobs = min(found.jobs, found.left)
    together = f", {jobs * found.task_bytes / 1e6:,.0f} MB for {jobs} at once" if jobs > 1 else ""
    lines.append(f"memory    about {each_mb} for a task{together}")
    lines.append(f"time      {least}{span(found.expected_s)} with {jobs} {'jobs' if jobs > 1 else 'job'}")
    return lines


def span(seconds: float) -> str:
    """Return a time to the digits that a forecast can have."""
    for most, unit_s, unit in ((100.0, 1.0, "s"), (6_000.0, 60.0, "min"), (172_800.0, 3_600.0, "h")):
        if seconds < most:
            return f"{seconds / unit_s:.2g} {unit}"
    return f"{seconds / 86_400:,.1f} days"

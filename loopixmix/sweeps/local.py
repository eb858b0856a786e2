"""Tasks on this machine: in this process, or in several processes of one thread each (joblib with loky)."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from loopixmix.errors import LoopixmixError
from loopixmix.sweeps.ending import hang_ups_ignored, leave_endings_to_the_parent, no_end_lost
from loopixmix.sweeps.shares import Shares, SharesElsewhere
from loopixmix.sweeps.work import Finished, Progress, TaskWork

_LOOK_EVERY_S = 1.0


class WorkerLostError(LoopixmixError):
    """A process that ran a task is gone."""


def usable_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def perform_here(work: TaskWork, tasks: Sequence[bytes], shares: Shares) -> Generator[Finished, None, None]:
    """Perform tasks one after the other in this process."""
    for place, task in enumerate(tasks):
        with no_end_lost() as check:
            outcome = work.perform(task, _checked(shares.progress(place), check))
        shares.put(place, 1.0)
        yield Finished(place, outcome)


def _checked(tell: Progress, check: Callable[[], None]) -> Progress:
    def told(share: float) -> None:
        check()
        tell(share)

    return told


def perform_in_processes(
    work: TaskWork, tasks: Sequence[bytes], shares: Shares, *, jobs: int
) -> Generator[Finished, None, None]:
    """Perform tasks in `jobs` processes and yield what they give as it comes.

    Raises `WorkerLostError` if a process dies, as it does when memory runs out. However this ends, they end too.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.backend import resource_tracker

    # Loky's process that removes what others leave ignores the other signals that end a sweep, and not this one: a
    # terminal that closes would end it before there is anything to remove.
    with hang_ups_ignored():
        resource_tracker.ensure_running()
    calls = (delayed(_perform_for_another)(work, task, str(shares.path), place) for place, task in enumerate(tasks))
    with parallel_config(backend="loky", inner_max_num_threads=1):
        # A call at a time: each outcome is kept at once, and no call waits for the rest of a batch.
        parallel = Parallel(
            n_jobs=jobs,
            batch_size=1,
            pre_dispatch="2*n_jobs",
            return_as="generator_unordered",
            initializer=depend_on_the_parent,
            initargs=(os.getpid(),),
        )
        given = parallel(calls)
    try:
        yield from given
    except BrokenProcessPool as error:
        raise WorkerLostError("a process that ran a task died, perhaps for want of memory: try fewer --jobs") from error
    finally:
        with warnings.catch_warnings(action="ignore"):  # joblib warns of what was not fetched: that is meant
            given.close()


def _perform_for_another(work: TaskWork, task: bytes, shares_path: str, place: int) -> Finished:
    progress = SharesElsewhere(Path(shares_path)).progress(place)
    outcome = work.perform(task, progress)
    progress(1.0)
    return Finished(place, outcome)


def depend_on_the_parent(parent: int) -> None:
    """Leave interrupts to the parent; end when it was killed."""
    leave_endings_to_the_parent()
    # Loky's processes outlive a parent that was killed: a run that was given up would go on with computing.
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)

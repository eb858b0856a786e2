"""Tasks on this machine: in this process, or in several processes of one thread each (joblib with loky)."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import msgspec

from loopixmix.errors import LoopixmixError
from simulations.sweep.tasks import Record, Task
from simulations.workbench.execution import perform
from simulations.workbench.shares import Shares, SharesElsewhere

_LOOK_EVERY_S = 1.0


class WorkerLostError(LoopixmixError):
    """A process that ran a task is gone."""


def usable_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def perform_here(tasks: Sequence[Task], shares: Shares) -> Generator[Record, None, None]:
    """Perform tasks one after the other in this process."""
    for place, task in enumerate(tasks):
        record = perform(task, shares.progress(place))
        shares.put(place, 1.0)
        yield record


def perform_in_processes(tasks: Sequence[Task], shares: Shares, *, jobs: int) -> Generator[Record, None, None]:
    """Perform tasks in `jobs` processes and yield what they give as it comes.

    Raises `WorkerLostError` if a process dies, as it does when memory runs out. However this ends, they end too.
    """
    from joblib import Parallel, delayed, parallel_config

    calls = (
        delayed(_perform_for_another)(msgspec.msgpack.encode(task), str(shares.path), place)
        for place, task in enumerate(tasks)
    )
    with parallel_config(backend="loky", inner_max_num_threads=1):
        # A call at a time: each outcome is kept at once, and no call waits for the rest of a batch.
        parallel = Parallel(
            n_jobs=jobs,
            batch_size=1,
            pre_dispatch="2*n_jobs",
            return_as="generator_unordered",
            initializer=_depend_on_the_parent,
            initargs=(os.getpid(),),
        )
        given = parallel(calls)
    try:
        for encoded in given:
            yield msgspec.msgpack.decode(encoded, type=Record)
    except BrokenProcessPool as error:
        raise WorkerLostError("a process that ran a task died, perhaps for want of memory: try fewer --jobs") from error
    finally:
        with warnings.catch_warnings(action="ignore"):  # joblib warns of what was not fetched: that is meant
            given.close()


def _perform_for_another(encoded: bytes, shares_path: str, place: int) -> bytes:
    task = msgspec.msgpack.decode(encoded, type=Task)
    progress = SharesElsewhere(Path(shares_path)).progress(place)
    record = perform(task, progress)
    progress(1.0)
    return msgspec.msgpack.encode(record)


def _depend_on_the_parent(parent: int) -> None:
    """Leave interrupts to the parent, for ctrl-C reaches every process of a terminal; end when it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Loky's processes outlive a parent that was killed: a run that was given up would go on with computing.
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)

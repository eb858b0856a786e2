"""One thread writes and one reads, so that the reactor never waits for the disk.

All that arrives while a batch is being written goes into the next one and shares its commit (group commit): one
`fsync` serves hundreds of changes under load, and a change that comes alone does not wait for others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from loopixmix.errors import StoreError
from loopixmix.seams import Clock, DelayedCall
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.jobs import Job

log = Logger()

MAX_BATCH = 512
"""As many jobs share a commit: with more, the first would wait long for the last."""

RunBatch: TypeAlias = Callable[[Sequence[Job]], None]
"""Does jobs in one transaction, or none of them: `loopixmix.store.jobs.write_batch` of a store, for example."""


class Lane(Protocol):
    """Carries jobs to the store, in order, some at a time."""

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""

    def submit(self, job: Job) -> None:
        """Add a job; after `stop` it fails at once."""

    def stop(self) -> Deferred[None]:
        """Finish the jobs that were submitted, then stop."""


class ThreadLane:
    """A lane with a thread of its own."""

    def __init__(
        self,
        name: str,
        run_batch: RunBatch,
        *,
        call_on_reactor: Callable[..., object],
        pause: Callable[[], object] | None = None,
    ) -> None:
        """Start a thread called `name` that does batches by `run_batch`.

        `call_on_reactor` is the reactor's `callFromThread`. `pause`: waits a little after each batch of several jobs,
        so that the next one grows; not after a full one, nor after one job that came alone.
        """
        self._run_batch = run_batch
        self._pause = pause
        self._call_on_reactor = call_on_reactor
        self._changed = threading.Condition()
        self._jobs: list[Job] = []
        self._stopping = False
        self._stopped: Deferred[None] = Deferred()
        # A thread of its own and not one of the reactor's pool: what is asked for first is to be done first, and work
        # for the pool must not wait behind a slow disk. A daemon: an error at start must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Add a job; after `stop` it fails at once."""
        with self._changed:
            accepted = not self._stopping
            if accepted:
                self._jobs.append(job)
                self._changed.notify()
        if not accepted:
            job.fail(_closed())

    def stop(self) -> Deferred[None]:
        """Finish the jobs that were submitted, then stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        return self._stopped

    def _work(self) -> None:
        while batch := self._next_batch():
            errors = _attempt(self._run_batch, batch)
            self._call_on_reactor(_settle, batch, errors)
            # A full batch cannot grow: who waits behind one would only wait longer.
            if self._pause is not None and 1 < len(batch) < MAX_BATCH:
                self._rest(self._pause)
        self._call_on_reactor(self._ended)

    @staticmethod
    def _rest(pause: Callable[[], object]) -> None:
        try:
            pause()
        except Exception:  # a thread that it ended would leave all that waits, and all that comes, without an answer
            log.failure("a pause between two batches failed")

    def _next_batch(self) -> list[Job]:
        with self._changed:
            while not self._jobs and not self._stopping:
                self._changed.wait()
            batch, self._jobs = self._jobs[:MAX_BATCH], self._jobs[MAX_BATCH:]
        return batch

    def _ended(self) -> None:
        # On the reactor's thread: the last batch has been settled by now, and nothing of the lane runs any more.
        self._thread.join()
        self._stopped.callback(None)


class ClockLane:
    """A lane without a thread: batches run `batch_s` after their first job, on the clock of a test or simulation."""

    def __init__(self, run_batch: RunBatch, *, clock: Clock, batch_s: float) -> None:
        """`run_batch`: does a batch. `batch_s`: the seconds that a batch takes on `clock`."""
        self._run_batch = run_batch
        self._clock = clock
        self._batch_s = batch_s
        self._jobs: list[Job] = []
        self._call: DelayedCall | None = None
        self._stopped = False

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Add a job; after `stop` it fails at once."""
        if self._stopped:
            job.fail(_closed())
            return
        self._jobs.append(job)
        if self._call is None:
            self._call = self._clock.callLater(self._batch_s, self._run)

    def stop(self) -> Deferred[None]:
        """Finish the jobs that were submitted, then stop."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._run()
        return succeed(None)

    def _run(self) -> None:
        self._call = None
        batch, self._jobs = self._jobs, []
        _settle(batch, _attempt(self._run_batch, batch))


class InlineLane:
    """A lane that does each job at once, by itself: for simulations and tests in which the store takes no time."""

    waiting = 0

    def __init__(self, run_batch: RunBatch) -> None:
        """`run_batch`: does a batch, here of one job."""
        self._run_batch = run_batch
        self._stopped = False

    def submit(self, job: Job) -> None:
        """Do a job; after `stop` it fails."""
        if self._stopped:
            job.fail(_closed())
            return
        batch = [job]
        _settle(batch, _attempt(self._run_batch, batch))

    def stop(self) -> Deferred[None]:
        """Everything is done already."""
        self._stopped = True
        return succeed(None)


def _attempt(run_batch: RunBatch, batch: Sequence[Job]) -> list[Exception | None]:
    """Run a batch; if it fails, run each job alone, so that one bad job harms no other."""
    # Every kind of error goes to those who wait for the job: the thread must live on for the next one.
    try:
        run_batch(batch)
    except StoreUnavailableError as error:
        # No job's fault. To wait for a server once more for each of them would take an hour.
        return [error] * len(batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
        errors: list[Exception | None] = []
        for place, job in enumerate(batch):
            errors += _attempt(run_batch, [job])
            if isinstance(errors[-1], StoreUnavailableError):
                return errors + errors[-1:] * (len(batch) - place - 1)
        return errors
    return [_tell(job) for job in batch]


def _tell(job: Job) -> Exception | None:
    # Not within `run_batch`: what is committed must not run again, whatever becomes of who hears of it.
    try:
        job.committed()
    except Exception as error:
        return error
    return None


def _settle(batch: Sequence[Job], errors: Sequence[Exception | None]) -> None:
    # The transaction has ended: nothing is told before it is on the disk.
    for job, error in zip(batch, errors, strict=True):
        if error is None:
            job.settle()
        else:
            job.fail(error)


def _closed() -> StoreError:
    return StoreError("the store is closed")

"""One thread writes and one reads, so that the reactor never waits for the disk.

All that arrives while a batch is being written goes into the next one and shares its commit (group commit): one
`fsync` serves hundreds of items under load, and an item that comes alone does not wait for others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed

from loopixmix.errors import StoreError
from loopixmix.seams import Clock, DelayedCall, Identity
from provider.mailbox import ItemNumber, MailboxRules
from provider.store import MailStore
from provider.store.items import NewItem, PutOutcome, delete_owned, store_items
from provider.store.keeping import write_requests

_R = TypeVar("_R")
MAX_BATCH = 512


class Job(Protocol):
    """Something to do in a transaction; once it has ended, `settle` or `fail` is called on the reactor's thread."""

    def run(self, connection: Connection) -> None:
        """Do it, and keep the result."""

    def settle(self) -> None:
        """Hand out the result."""

    def fail(self, error: Exception) -> None:
        """Hand out the error."""


class Work(Generic[_R]):
    """Any function of the transaction."""

    def __init__(self, work: Callable[[Connection], _R]) -> None:
        """`work`: the function; `done` fires with its result."""
        self.done: Deferred[_R] = Deferred()
        self._work = work
        self._results: list[_R] = []

    def run(self, connection: Connection) -> None:
        """Do it, and keep the result."""
        self._results = [self._work(connection)]

    def settle(self) -> None:
        """Hand out the result."""
        self.done.callback(self._results[0])

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


class Storing:
    """One new item; those of a batch are stored by one statement."""

    def __init__(self, item: NewItem) -> None:
        """`item`: to be stored; `done` fires with its outcome."""
        self.done: Deferred[PutOutcome] = Deferred()
        self.item = item
        self.outcome = PutOutcome.STORED

    def run(self, connection: Connection) -> None:
        """Nothing: `write_batch` stores all items at once."""

    def settle(self) -> None:
        """Hand out the outcome."""
        self.done.callback(self.outcome)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


class Deleting:
    """Items that their owner has stored safely; those of a batch are deleted by one statement."""

    def __init__(self, owner: Identity, numbers: Sequence[ItemNumber]) -> None:
        """`owner`: whose items they are. `numbers`: those of the items. `done` fires when they are gone."""
        self.done: Deferred[None] = Deferred()
        self.owned = owner, numbers

    def run(self, connection: Connection) -> None:
        """Nothing: `write_batch` deletes all at once."""

    def settle(self) -> None:
        """Tell that it is done."""
        self.done.callback(None)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


RunBatch: TypeAlias = Callable[[Sequence[Job]], None]


def write_batch(store: MailStore, rules: MailboxRules, jobs: Sequence[Job]) -> None:
    """Do all jobs in one transaction."""
    storing = [job for job in jobs if isinstance(job, Storing)]
    deleting = [job.owned for job in jobs if isinstance(job, Deleting)]

    def work(connection: Connection) -> None:
        for job in jobs:
            job.run(connection)
        write_requests(connection, jobs)
        if deleting:
            delete_owned(connection, deleting)
        if storing:
            outcomes = store_items(connection, [job.item for job in storing], rules)
            for job, outcome in zip(storing, outcomes, strict=True):
                job.outcome = outcome

    store.write(work)


def read_batch(store: MailStore, jobs: Sequence[Job]) -> None:
    """Do all jobs, which only read, on one state of the store."""

    def work(connection: Connection) -> None:
        for job in jobs:
            job.run(connection)

    store.read(work)


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

    def __init__(self, name: str, run_batch: RunBatch, *, call_on_reactor: Callable[..., object]) -> None:
        """Start a thread called `name` that does batches by `run_batch`.

        `call_on_reactor` is the reactor's `callFromThread`.
        """
        self._run_batch = run_batch
        self._call_on_reactor = call_on_reactor
        self._changed = threading.Condition()
        self._jobs: list[Job] = []
        self._stopping = False
        self._stopped: Deferred[None] = Deferred()
        # A thread of its own and not one of the reactor's pool: SQLite's connections belong to threads, and work for
        # the pool must not wait behind a slow disk. A daemon: an error at start must not keep the process alive.
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
            job.fail(StoreError("the store is closed"))

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
        self._call_on_reactor(self._ended)

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
            job.fail(StoreError("the store is closed"))
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


def _attempt(run_batch: RunBatch, batch: Sequence[Job]) -> list[Exception | None]:
    """Run a batch; if it fails, run each job alone, so that one bad job harms no other."""
    # Every kind of error goes to those who wait for the job: the thread must live on for the next one.
    try:
        run_batch(batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
        return [error for job in batch for error in _attempt(run_batch, [job])]
    return [None] * len(batch)


def _settle(batch: Sequence[Job], errors: Sequence[Exception | None]) -> None:
    # The transaction has ended: nothing is told before it is on the disk.
    for job, error in zip(batch, errors, strict=True):
        if error is None:
            job.settle()
        else:
            job.fail(error)

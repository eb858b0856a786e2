"""Group commit for threads: those that write at the same time share a commit, and the disk is waited for once.

It is to a service with a plain `def answer` what `lanes` are to the reactor. A lane would cost each write two changes
of threads more: here one of the threads that wait does the work of all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.transactions import Store

_R = TypeVar("_R")


class SharedCommits:
    """Writes to a store from several threads."""

    def __init__(self, store: Store) -> None:
        """`store`: closed by whoever opened it, when no thread writes any more."""
        self._store = store
        self._changing = threading.Lock()
        self._waiting: list[_Job] = []
        self._is_led = False

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in a transaction, which is on the disk when this returns; raise what it raises, or `StoreError`.

        `work` must leave nothing behind but what it writes: it runs again if another one spoils their transaction.
        """
        job = _Work(work)
        with self._changing:
            self._waiting.append(job)
            leads, self._is_led = not self._is_led, True
        if leads or job.wait():
            self._lead()
        return job.result()

    def _lead(self) -> None:
        """Do the work of this thread and of all that wait, then let the first of those that came meanwhile lead."""
        with self._changing:
            batch, self._waiting = self._waiting, []
        try:
            self._do(batch)
        finally:
            # One batch for each leader: one that went on as long as others come would never return to its own caller.
            # And no lock that all wait for: they would pass it on one by one before the next batch begins, which then
            # were a batch of two.
            with self._changing:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].lead()

    def _do(self, batch: Sequence[_Job]) -> None:
        def work(connection: Connection) -> None:
            for job in batch:
                job.run(connection)

        try:
            self._store.write(work)
        except Exception as error:
            # Every kind of error goes to the thread whose work it is. Each alone: one must not harm the others.
            # If the store is away it is no job's fault, and to wait for it once more for each would take an hour.
            if len(batch) == 1 or isinstance(error, StoreUnavailableError):
                for job in batch:
                    job.end(error)
                return
            for job in batch:
                self._do([job])
        else:
            for job in batch:
                job.end(None)


class _Job(Protocol):
    def run(self, connection: Connection) -> None: ...

    def lead(self) -> None: ...

    def end(self, error: Exception | None) -> None: ...


class _Work(Generic[_R]):
    def __init__(self, work: Callable[[Connection], _R]) -> None:
        self._work = work
        self._leads = False
        self._results: list[_R] = []
        self._error: Exception | None = None
        # A lock and not an event, which has a lock, a condition and another lock inside: there is one for each write.
        self._called = threading.Lock()
        self._called.acquire()

    def wait(self) -> bool:
        """Return when the work is done, or is this thread's turn to do with that of others; true if it is."""
        self._called.acquire()
        return self._leads

    def lead(self) -> None:
        self._leads = True
        self._called.release()

    def run(self, connection: Connection) -> None:
        self._results = [self._work(connection)]

    def end(self, error: Exception | None) -> None:
        self._error = error
        if self._called.locked():
            self._called.release()

    def result(self) -> _R:
        if self._error is not None:
            raise self._error
        return self._results[0]

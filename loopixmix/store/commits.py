"""Group commit for threads: those that write at the same time share a commit, and the disk is waited for once.

It is to a service with a plain `def answer` what `lanes` are to the reactor. A lane would cost each write two changes
of threads more: here one of the threads that wait does the work of all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from loopixmix.store.transactions import Store

_R = TypeVar("_R")


class SharedCommits:
    """Writes to a store from several threads."""

    def __init__(self, store: Store) -> None:
        """`store`: closed by whoever opened it, when no thread writes any more."""
        self._store = store
        self._adding = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: list[_Job] = []

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in a transaction, which is on the disk when this returns; raise what it raises, or `StoreError`.

        `work` must leave nothing behind but what it writes: it runs again if another one spoils their transaction.
        """
        job = _Work(work)
        with self._adding:
            self._waiting.append(job)
        with self._writing:
            # While this thread waited for its turn, the one before may have done the work of all who waited.
            if not job.is_done:
                with self._adding:
                    batch, self._waiting = self._waiting, []
                self._do(batch)
        return job.result()

    def _do(self, batch: Sequence[_Job]) -> None:
        def work(connection: Connection) -> None:
            for job in batch:
                job.run(connection)

        try:
            self._store.write(work)
        except Exception as error:
            # Every kind of error goes to the thread whose work it is. Each alone: one must not harm the others.
            if len(batch) == 1:
                batch[0].end(error)
                return
            for job in batch:
                self._do([job])
        else:
            for job in batch:
                job.end(None)


class _Job(Protocol):
    def run(self, connection: Connection) -> None: ...

    def end(self, error: Exception | None) -> None: ...


class _Work(Generic[_R]):
    def __init__(self, work: Callable[[Connection], _R]) -> None:
        self.is_done = False
        self._work = work
        self._results: list[_R] = []
        self._error: Exception | None = None

    def run(self, connection: Connection) -> None:
        self._results = [self._work(connection)]

    def end(self, error: Exception | None) -> None:
        self._error = error
        self.is_done = True

    def result(self) -> _R:
        if self._error is not None:
            raise self._error
        return self._results[0]

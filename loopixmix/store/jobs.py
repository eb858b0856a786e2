"""Jobs for a store, and how a batch of them becomes one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from loopixmix.store.transactions import Store

_G = TypeVar("_G")
_R = TypeVar("_R")


class Job(Protocol):
    """Something to do in a transaction.

    `run` and `committed` are called where the store is used, which may be another thread. `settle` or `fail` comes
    last, on the reactor's thread.
    """

    def run(self, connection: Connection) -> None:
        """Do it, and keep the result. It may be called again, if the transaction failed for another job's sake."""

    def committed(self) -> None:
        """Hear that the transaction is on the disk, before the next one begins."""

    def settle(self) -> None:
        """Hand out the result."""

    def fail(self, error: Exception) -> None:
        """Hand out the error."""


class Work(Generic[_R]):
    """Any function of the transaction."""

    def __init__(self, work: Callable[[Connection], _R], *, committed: Callable[[_R], object] | None = None) -> None:
        """`work`: the function; `done` fires with its result. `committed`: called with it before the next transaction.

        `work` must leave nothing behind but what it writes: it runs again if another job spoils their transaction.
        """
        self.done: Deferred[_R] = Deferred()
        self._work = work
        self._committed = committed
        self._results: list[_R] = []

    def run(self, connection: Connection) -> None:
        """Do it, and keep the result."""
        self._results = [self._work(connection)]

    def committed(self) -> None:
        """Pass it on."""
        if self._committed is not None:
            self._committed(self._results[0])

    def settle(self) -> None:
        """Hand out the result."""
        self.done.callback(self._results[0])

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


class Batched(Generic[_G, _R]):
    """One of many alike, which are done by one statement: a batch's own function does them, and sets each `result`."""

    def __init__(self, given: _G, result: _R) -> None:
        """`given`: what is to be done. `result`: until the statement gives another; `done` fires with it."""
        self.done: Deferred[_R] = Deferred()
        self.given = given
        self.result = result

    def run(self, connection: Connection) -> None:
        """Do nothing: all of a batch are done at once."""

    def committed(self) -> None:
        """Do nothing: the result is kept already."""

    def settle(self) -> None:
        """Hand out the result."""
        self.done.callback(self.result)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


class Turn:
    """Nothing to do, but in its turn."""

    def __init__(self) -> None:
        """`done` fires when every job before it has ended, whether or not that worked."""
        self.done: Deferred[None] = Deferred()

    def run(self, connection: Connection) -> None:
        """Do nothing."""

    def committed(self) -> None:
        """Do nothing."""

    def settle(self) -> None:
        """Tell that its turn has come."""
        self.done.callback(None)

    def fail(self, error: Exception) -> None:  # noqa: ARG002 (its turn has come all the same)
        """Tell that its turn has come."""
        self.done.callback(None)


class Upkeep(Turn):
    """Something that is done in its turn, but in no transaction."""

    def __init__(self, work: Callable[[], object]) -> None:
        """`done` fires when `work` is done, and fails with what it raises."""
        super().__init__()
        self._work = work

    def committed(self) -> None:
        """Do it: here, no transaction is open, and what is committed does not run again if this fails."""
        self._work()

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


def write_batch(store: Store, jobs: Sequence[Job]) -> None:
    """Do all jobs in one transaction; turns need none."""
    working = [job for job in jobs if not isinstance(job, Turn)]
    if working:
        store.write(lambda connection: run_jobs(connection, working))


def read_batch(store: Store, jobs: Sequence[Job]) -> None:
    """Do all jobs, which only read, on one state of the store."""
    store.read(lambda connection: run_jobs(connection, jobs))


def run_jobs(connection: Connection, jobs: Sequence[Job]) -> None:
    """Do all jobs in the transaction of the caller."""
    for job in jobs:
        job.run(connection)

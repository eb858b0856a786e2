"""Requests that are begun or answered together: a batch of them becomes a few statements in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from provider.store.requests import Begun, NewRequest, begin_requests, keep_answers


class Beginning:
    """One request that is to be carried out."""

    def __init__(self, request: NewRequest) -> None:
        """`request`: to be written down; `done` fires with what was known of it."""
        self.done: Deferred[Begun] = Deferred()
        self.request = request
        self.begun = Begun.REFUSED

    def run(self, connection: Connection) -> None:
        """Nothing: `write_requests` begins all at once."""

    def committed(self) -> None:
        """Nothing: the outcome is kept already."""

    def settle(self) -> None:
        """Hand out what was known."""
        self.done.callback(self.begun)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


class Keeping:
    """One answer to a request that was begun."""

    def __init__(self, name: bytes, sealed: bytes) -> None:
        """`name`: that of the request. `sealed`: its answer; `done` fires when it is on the disk."""
        self.done: Deferred[None] = Deferred()
        self.answer = name, sealed

    def run(self, connection: Connection) -> None:
        """Nothing: `write_requests` keeps all at once."""

    def committed(self) -> None:
        """Nothing: there is no result."""

    def settle(self) -> None:
        """Tell that it is done."""
        self.done.callback(None)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


def write_requests(connection: Connection, jobs: Sequence[object]) -> None:
    """Do those of the jobs that begin requests or keep answers, in the transaction of the caller."""
    keeping = [job.answer for job in jobs if isinstance(job, Keeping)]
    if keeping:
        keep_answers(connection, keeping)
    beginning = [job for job in jobs if isinstance(job, Beginning)]
    if beginning:
        outcomes = begin_requests(connection, [job.request for job in beginning])
        for job, begun in zip(beginning, outcomes, strict=True):
            job.begun = begun

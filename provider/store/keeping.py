"""Requests that are begun or answered together: a batch of them becomes a few statements in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from loopixmix.store.jobs import Batched
from provider.store.requests import Begun, NewRequest, begin_requests, keep_answers


class Beginning(Batched[NewRequest, Begun]):
    """One request that is to be carried out, with what was known of it."""

    def __init__(self, request: NewRequest) -> None:
        """`request`: to be written down."""
        super().__init__(request, Begun.REFUSED)


class Keeping(Batched[tuple[bytes, bytes], None]):
    """One answer to a request that was begun."""

    def __init__(self, name: bytes, sealed: bytes) -> None:
        """`name`: that of the request. `sealed`: its answer."""
        super().__init__((name, sealed), None)


def write_requests(connection: Connection, jobs: Sequence[object]) -> None:
    """Do those of the jobs that begin requests or keep answers, in the transaction of the caller."""
    keeping = [job.given for job in jobs if isinstance(job, Keeping)]
    if keeping:
        keep_answers(connection, keeping)
    beginning = [job for job in jobs if isinstance(job, Beginning)]
    if beginning:
        outcomes = begin_requests(connection, [job.given for job in beginning])
        for job, begun in zip(beginning, outcomes, strict=True):
            job.result = begun

"""Requests that must not be carried out twice, and their answers: each function works within the caller's transaction.

A row's name looks random, and its time is an epoch. The answer in it is sealed under a key that is kept nowhere.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select, update

from provider.store.schema import erased_requests, requests

_T = TypeVar("_T")
_CHUNK = 400


class Begun(enum.Enum):
    """What the store says to a request that is to be carried out."""

    NOW = enum.auto()
    """It was not known; now it is."""
    BEFORE = enum.auto()
    """It was begun before, and has no answer."""
    ANSWERED = enum.auto()
    """Its answer is kept."""
    REFUSED = enum.auto()
    """It is not known, and there is no room for it."""


class NewRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that is to be carried out. `has_room`: whether it may be, if it is not known."""

    name: bytes
    service: str
    last_epoch: int
    has_room: bool


class KeptFigures(msgspec.Struct, frozen=True):
    """How many requests are kept of a service and an epoch, and the bytes of their answers."""

    service: str
    last_epoch: int
    count: int
    answer_bytes: int


_FIND = select(requests.c.name, requests.c.answer.is_not(None)).where(
    requests.c.name.in_(bindparam("names", expanding=True))
)
_BEGIN = insert(requests)
_KEEP = update(requests).where(requests.c.name == bindparam("b_name")).values(answer=bindparam("b_answer"))
_FORGET = delete(requests).where(requests.c.name == bindparam("b_name"), requests.c.answer.is_(None))
_READ = select(requests.c.answer).where(requests.c.name == bindparam("name"))
_COUNT = select(
    requests.c.service,
    requests.c.last_epoch,
    func.count(),
    func.coalesce(func.sum(func.length(requests.c.answer)), 0),
).group_by(requests.c.service, requests.c.last_epoch)
_FIND_ENDED = (
    select(requests.c.id)
    .where(requests.c.last_epoch <= bindparam("last_epoch"))
    .limit(bindparam("limit", type_=Integer))
)
_ERASE = delete(requests).where(requests.c.id.in_(bindparam("b_ids", expanding=True)))
_ERASED = select(erased_requests.c.last_epoch)
_NOTE_ERASED = (
    update(erased_requests)
    .where(erased_requests.c.last_epoch < bindparam("b_last_epoch"))
    .values(last_epoch=bindparam("b_last_epoch"))
)


def begin_requests(connection: Connection, new: Sequence[NewRequest]) -> list[Begun]:
    """Write down that requests are carried out from now on; return what was known of each."""
    known: dict[bytes, Begun] = {}
    for names in _chunks([request.name for request in new]):
        for name, is_answered in connection.execute(_FIND, {"names": names}):
            known[name] = Begun.ANSWERED if is_answered else Begun.BEFORE
    outcomes: list[Begun] = []
    rows: list[dict[str, str | bytes | int | None]] = []
    for request in new:
        found = known.get(request.name)
        if found is None:
            found = Begun.NOW if request.has_room else Begun.REFUSED
        if found is Begun.NOW:
            # A copy in the same batch finds it begun.
            known[request.name] = Begun.BEFORE
            rows.append({"name": request.name, "service": request.service, "last_epoch": request.last_epoch})
        outcomes.append(found)
    if rows:
        connection.execute(_BEGIN, rows)
    return outcomes


def keep_answers(connection: Connection, answers: Sequence[tuple[bytes, bytes]]) -> None:
    """Keep sealed answers to requests that were begun, by their names."""
    connection.execute(_KEEP, [{"b_name": name, "b_answer": sealed} for name, sealed in answers])


def forget_request(connection: Connection, name: bytes) -> None:
    """Forget a request that was begun and, as it turned out, not carried out."""
    connection.execute(_FORGET, {"b_name": name})


def read_answer(connection: Connection, name: bytes) -> tuple[Begun, bytes]:
    """Return what is known of a request, and its sealed answer; `Begun.NOW` if nothing is."""
    row = connection.execute(_READ, {"name": name}).one_or_none()
    if row is None:
        return Begun.NOW, b""
    return (Begun.BEFORE, b"") if row.answer is None else (Begun.ANSWERED, row.answer)


def kept_figures(connection: Connection) -> tuple[list[KeptFigures], int]:
    """Count what is kept; return also the last epoch whose requests were erased."""
    figures = [
        KeptFigures(service, epoch, count, int(size)) for service, epoch, count, size in connection.execute(_COUNT)
    ]
    return figures, connection.execute(_ERASED).scalar_one()


def erase_requests(connection: Connection, last_epoch: int, limit: int) -> int:
    """Erase at most `limit` requests that ended with `last_epoch` or before; return how many there were."""
    # Noted with the first: if the clock is set back, a request that was erased must not be carried out again.
    connection.execute(_NOTE_ERASED, {"b_last_epoch": last_epoch})
    found = [row.id for row in connection.execute(_FIND_ENDED, {"last_epoch": last_epoch, "limit": limit})]
    for ids in _chunks(found):
        connection.execute(_ERASE, {"b_ids": ids})
    return len(found)


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]

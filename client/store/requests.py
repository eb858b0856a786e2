"""Posted requests in the store, from the call until they are forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, delete, func, insert, select, update

from client.api import RequestId, RequestState
from client.store.schema import newest_number, posted_requests, request_ends
from loopixmix.seams import Identity

_UNFINISHED = (RequestState.QUEUED.value, RequestState.ASKING.value)

_INSERT = insert(posted_requests)
_BY_ID = select(posted_requests).where(posted_requests.c.request_id == bindparam("of_id"))
_BY_KEY = select(posted_requests.c.request_id, posted_requests.c.digest).where(
    posted_requests.c.idempotency_key == bindparam("of_key")
)
_SIZE = select(
    func.count(),
    func.coalesce(func.sum(func.length(posted_requests.c.body)), 0)
    + func.coalesce(func.sum(func.length(posted_requests.c.answer)), 0),
).select_from(posted_requests)
_OPEN = (
    select(
        posted_requests.c.number,
        posted_requests.c.request_id,
        posted_requests.c.leaves_at_s,
        posted_requests.c.deadline_s,
    )
    .where(posted_requests.c.state.in_(_UNFINISHED))
    .order_by(posted_requests.c.number)
)
_LOAD = select(posted_requests).where(posted_requests.c.number == bindparam("of_number"))
_SAVE_ATTEMPT = (
    update(posted_requests)
    .where(posted_requests.c.number == bindparam("of_number"), posted_requests.c.state.in_(_UNFINISHED))
    .values(
        state=RequestState.ASKING.value,
        attempt=bindparam("new_attempt"),
        host=bindparam("new_host"),
        last_epoch=bindparam("new_epoch"),
    )
)
_FORGET_ATTEMPT = (
    update(posted_requests)
    .where(posted_requests.c.number == bindparam("of_number"))
    .values(attempt=None, host=None, last_epoch=None)
)
_END = (
    update(posted_requests)
    .where(posted_requests.c.number == bindparam("of_number"), posted_requests.c.state.in_(_UNFINISHED))
    .values(
        state=bindparam("new_state"),
        body=b"",
        answer=bindparam("new_answer"),
        problem=bindparam("new_problem"),
        ended_at_s=bindparam("now_s"),
    )
)
_NUMBER_END = insert(request_ends)
_NEWEST_END = newest_number(request_ends)
_ENDED_AFTER = (
    select(posted_requests, request_ends.c.number.label("ended"))
    .join(request_ends, request_ends.c.request == posted_requests.c.number)
    .where(request_ends.c.number > bindparam("after"))
    .order_by(request_ends.c.number)
    .limit(bindparam("count"))
)
_END_OF = select(request_ends.c.number).where(request_ends.c.request == bindparam("of_number"))
_DELETE_ENDED = delete(posted_requests).where(
    posted_requests.c.request_id == bindparam("of_id"), posted_requests.c.state.not_in(_UNFINISHED)
)
_PRUNE = delete(posted_requests).where(
    and_(posted_requests.c.state.not_in(_UNFINISHED), posted_requests.c.ended_at_s < bindparam("before_s"))
)


class Attempt(msgspec.Struct, frozen=True):
    """One try at a posted request: the request as its host knows it."""

    request_id: bytes
    host: Identity
    last_epoch: int


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A posted request that has not ended."""

    number: int
    request_id: RequestId
    leaves_at_s: float
    deadline_s: float


class StoredRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A posted request with all that is known of it. `ended`: the number of its end, 0 before."""

    number: int
    request_id: RequestId
    idempotency_key: str
    service: str
    body: bytes
    length_bytes: int
    state: RequestState
    created_at_s: float
    leaves_at_s: float
    deadline_s: float
    attempt: Attempt | None
    answer: bytes | None
    problem: str
    ended: int


class RequestToKeep(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is to be kept. `digest`: of service and body, to know a repeated call by."""

    request_id: RequestId
    idempotency_key: str
    digest: bytes
    service: str
    body: bytes
    created_at_s: float
    leaves_at_s: float
    deadline_s: float


def find_by_key(connection: Connection, idempotency_key: str) -> tuple[RequestId, bytes] | None:
    """Return the id and the digest of the request that was posted under this key."""
    found = connection.execute(_BY_KEY, {"of_key": idempotency_key}).one_or_none()
    return None if found is None else (found.request_id, found.digest)


def size(connection: Connection) -> tuple[int, int]:
    """Return how many requests are kept, and the bytes of their bodies and answers."""
    count, length_bytes = connection.execute(_SIZE).one()
    return count, length_bytes


def add(connection: Connection, new: RequestToKeep) -> int:
    """Keep a request; return its number."""
    values = msgspec.structs.asdict(new) | {
        "state": RequestState.QUEUED.value,
        "length_bytes": len(new.body),
        "problem": "",
    }
    [number] = connection.execute(_INSERT, values).inserted_primary_key or [0]
    return int(number)


def every_open(connection: Connection) -> list[OpenRequest]:
    """Return the requests that have not ended, the first one posted first."""
    return [OpenRequest(**row._mapping) for row in connection.execute(_OPEN)]


def load(connection: Connection, number: int) -> StoredRequest | None:
    """Return a request by its number."""
    row = connection.execute(_LOAD, {"of_number": number}).one_or_none()
    return None if row is None else _stored(connection, row)


def find(connection: Connection, request_id: RequestId) -> StoredRequest | None:
    """Return a request by its id."""
    row = connection.execute(_BY_ID, {"of_id": request_id}).one_or_none()
    return None if row is None else _stored(connection, row)


def save_attempt(connection: Connection, number: int, attempt: Attempt) -> None:
    """Note how a request is asked from now on."""
    connection.execute(
        _SAVE_ATTEMPT,
        {
            "of_number": number,
            "new_attempt": attempt.request_id,
            "new_host": attempt.host,
            "new_epoch": attempt.last_epoch,
        },
    )


def forget_attempt(connection: Connection, number: int) -> None:
    """Note that the attempt of a request counts no more, so that a new one is made."""
    connection.execute(_FORGET_ATTEMPT, {"of_number": number})


def end(
    connection: Connection, number: int, state: RequestState, *, answer: bytes | None, problem: str, now_s: float
) -> bool:
    """Note how a request ended, and forget its body; false if it had ended before."""
    values = {"of_number": number, "new_state": state.value, "new_answer": answer, "new_problem": problem}
    if connection.execute(_END, values | {"now_s": now_s}).rowcount < 1:
        return False
    connection.execute(_NUMBER_END, {"request": number})
    return True


def ended_after(connection: Connection, *, after: int, limit: int) -> list[StoredRequest]:
    """Return the requests whose end has a number over `after`, in the order of these."""
    rows = connection.execute(_ENDED_AFTER, {"after": after, "count": limit})
    return [_from_row(row, ended=row.ended) for row in rows]


def newest_end(connection: Connection) -> int:
    """Return the number of the newest end, whether or not that request was forgotten; 0 if there was none."""
    return connection.execute(_NEWEST_END).scalar() or 0


def forget_ended(connection: Connection, request_id: RequestId) -> bool:
    """Forget a request that has ended; false if there is none of that id that has."""
    return connection.execute(_DELETE_ENDED, {"of_id": request_id}).rowcount > 0


def prune(connection: Connection, before_s: float) -> None:
    """Forget the requests that ended before `before_s`."""
    connection.execute(_PRUNE, {"before_s": before_s})


def _stored(connection: Connection, row: Row[tuple[object, ...]]) -> StoredRequest:
    found: Sequence[int] = connection.execute(_END_OF, {"of_number": row.number}).scalars().all()
    return _from_row(row, ended=found[0] if found else 0)


def _from_row(row: Row[tuple[object, ...]], *, ended: int) -> StoredRequest:
    attempt = None if row.attempt is None else Attempt(row.attempt, row.host, row.last_epoch)
    return StoredRequest(
        number=row.number,
        request_id=row.request_id,
        idempotency_key=row.idempotency_key,
        service=row.service,
        body=row.body,
        length_bytes=row.length_bytes,
        state=RequestState(row.state),
        created_at_s=row.created_at_s,
        leaves_at_s=row.leaves_at_s,
        deadline_s=row.deadline_s,
        attempt=attempt,
        answer=row.answer,
        problem=row.problem,
        ended=ended,
    )

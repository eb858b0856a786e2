"""Mails on their way into Incoming Boxes: functions on a connection.

A mail is `UNSEALED` while its user has no key: then it lies in the client's inbox only. From `WAITING` on it is
encrypted to the user. `DONE` ones are remembered for a while, so that a message that comes a second time is known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, and_, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from leap_plugin.leap.gateway.schema import deliveries, pieces

MAX_PROBLEM_LENGTH = 500
MAX_MESSAGE_ID_LENGTH = 900


class DeliveryState(StrEnum):
    """Where a mail is."""

    UNSEALED = "unsealed"
    WAITING = "waiting"
    ASIDE = "aside"
    DONE = "done"


OPEN = (DeliveryState.UNSEALED, DeliveryState.WAITING)


@dataclass(frozen=True, kw_only=True)
class BoxDelivery:
    """A mail for one user; the fields are those of `leap_plugin.leap.gateway.schema.deliveries`."""

    blob_id: str
    address: str = field(repr=False)
    state: DeliveryState
    content: bytes | None = field(repr=False)
    length_bytes: int
    numbers: tuple[int, ...]
    sender: str = field(repr=False)
    message_id: str = field(repr=False)
    arrived_at_s: float
    next_at_s: float
    attempts: int = 0
    problem: str = ""


@dataclass(frozen=True)
class DueMail:
    """Whose turn it is, with which mail."""

    address: str = field(repr=False)
    blob_id: str


@dataclass(frozen=True)
class Backlog:
    """What waits for one user. `oldest_s`: since when; `next_at_s`: the next attempt."""

    address: str
    waiting: int
    aside: int
    waiting_bytes: int
    oldest_s: float
    next_at_s: float
    attempts: int
    problem: str


def add_delivery(connection: Connection, delivery: BoxDelivery) -> bool:
    """Take a mail; false if it was taken before."""
    values = {
        "blob_id": delivery.blob_id,
        "address": delivery.address,
        "state": str(delivery.state),
        "content": delivery.content,
        "length_bytes": delivery.length_bytes,
        "numbers": json.dumps(delivery.numbers),
        "sender": delivery.sender,
        "message_id": delivery.message_id[:MAX_MESSAGE_ID_LENGTH],
        "arrived_at_s": delivery.arrived_at_s,
        "next_at_s": delivery.next_at_s,
        "attempts": delivery.attempts,
        "problem": delivery.problem[:MAX_PROBLEM_LENGTH],
    }
    return bool(connection.execute(insert_or(deliveries).values(values).on_conflict_do_nothing()).rowcount)


def is_known(connection: Connection, blob_id: str) -> bool:
    """Tell whether a mail was taken before."""
    return connection.execute(select(deliveries.c.blob_id).where(deliveries.c.blob_id == blob_id)).first() is not None


def lies_in_client(connection: Connection, blob_id: str) -> bool:
    """Tell whether the client's inbox has the only copy of a mail that was taken before."""
    lacking = (deliveries.c.content.is_(None), deliveries.c.state != DeliveryState.DONE)
    found = select(deliveries.c.blob_id).where(deliveries.c.blob_id == blob_id, *lacking)
    return connection.execute(found).first() is not None


def open_of(connection: Connection, address: str) -> tuple[int, int]:
    """Return how many mails wait for a user, and how many bytes they have."""
    counts = select(func.count(), func.coalesce(func.sum(deliveries.c.length_bytes), 0))
    count, length = connection.execute(
        counts.where(deliveries.c.address == address, deliveries.c.state.in_(OPEN))
    ).one()
    return int(count), int(length)


def kept_bytes(connection: Connection) -> int:
    """Return how many bytes of mail wait or were put aside."""
    kept = deliveries.c.state.in_((*OPEN, DeliveryState.ASIDE))
    total = select(func.coalesce(func.sum(deliveries.c.length_bytes), 0)).where(kept)
    return int(connection.execute(total).scalar_one())


def due(connection: Connection, now_s: float, *, busy: frozenset[str], limit: int) -> list[DueMail]:
    """Return whose turn it is: of each user the oldest mail, at most `limit`; none of a user in `busy`.

    So a user with a thousand mails takes one place, as every other. Contents are read later, one at a time.
    """
    is_due = and_(deliveries.c.state.in_(OPEN), deliveries.c.next_at_s <= now_s)
    first = (
        select(deliveries.c.address, func.min(deliveries.c.arrived_at_s).label("first_s"))
        .where(is_due)
        .group_by(deliveries.c.address)
        .order_by(func.min(deliveries.c.next_at_s))
        .limit(limit + len(busy))
        .subquery()
    )
    rows = connection.execute(
        select(deliveries.c.address, deliveries.c.blob_id)
        .join(first, (deliveries.c.address == first.c.address) & (deliveries.c.arrived_at_s == first.c.first_s))
        .where(is_due)
    )
    found: dict[str, DueMail] = {}
    for row in rows:
        if row.address not in busy:
            found.setdefault(row.address, DueMail(row.address, row.blob_id))
    return list(found.values())[:limit]


def load_due(connection: Connection, blob_id: str, now_s: float) -> BoxDelivery | None:
    """Return a mail; None if it is not its turn any more."""
    is_due = and_(deliveries.c.state.in_(OPEN), deliveries.c.next_at_s <= now_s)
    row = connection.execute(select(deliveries).where(deliveries.c.blob_id == blob_id, is_due)).mappings().first()
    return None if row is None else _delivery(row)


def next_due_s(connection: Connection) -> float | None:
    """Return when the next mail has its turn; None if none waits."""
    soonest = select(func.min(deliveries.c.next_at_s)).where(deliveries.c.state.in_(OPEN))
    soonest_s: float | None = connection.execute(soonest).scalar_one()
    return soonest_s


def seal(connection: Connection, blob_id: str, content: bytes) -> None:
    """Note that a mail is encrypted now."""
    sealed = {"content": content, "state": str(DeliveryState.WAITING)}
    connection.execute(update(deliveries).where(deliveries.c.blob_id == blob_id).values(sealed))


def forget_numbers(connection: Connection, blob_id: str) -> None:
    """Note that the client has forgotten the messages that brought a mail."""
    connection.execute(update(deliveries).where(deliveries.c.blob_id == blob_id).values(numbers="[]"))


def finish(connection: Connection, blob_id: str, now_s: float) -> None:
    """Note that a mail is in its Incoming Box, and forget all of it but its id."""
    connection.execute(update(deliveries).where(deliveries.c.blob_id == blob_id).values(_nothing(now_s)))


def put_off(connection: Connection, delivery: BoxDelivery, *, next_at_s: float, problem: str) -> None:
    """Try a mail, and what else waits for its user, again at `next_at_s`: the box that is full is full for all."""
    later = {"next_at_s": next_at_s, "problem": problem[:MAX_PROBLEM_LENGTH]}
    of_user = (deliveries.c.address == delivery.address) & deliveries.c.state.in_(OPEN)
    connection.execute(update(deliveries).where(of_user, deliveries.c.next_at_s < next_at_s).values(later))
    tried = {"attempts": delivery.attempts + 1}
    connection.execute(update(deliveries).where(deliveries.c.blob_id == delivery.blob_id).values(tried))


def put_aside(connection: Connection, blob_id: str, problem: str, now_s: float) -> None:
    """Try a mail no more; it is kept for the operator."""
    aside = {"state": str(DeliveryState.ASIDE), "problem": problem[:MAX_PROBLEM_LENGTH], "next_at_s": now_s}
    connection.execute(update(deliveries).where(deliveries.c.blob_id == blob_id).values(aside))


def too_old(connection: Connection, before_s: float, *, limit: int) -> list[BoxDelivery]:
    """Return mails that wait since before `before_s`."""
    rows = connection.execute(
        select(deliveries)
        .where(deliveries.c.state.in_(OPEN), deliveries.c.arrived_at_s < before_s)
        .order_by(deliveries.c.arrived_at_s)
        .limit(limit)
    ).mappings()
    return [_delivery(row) for row in rows]


def retry(connection: Connection, now_s: float, *, address: str = "") -> int:
    """Try what waits or was put aside again now, of one user or of all; returns how many.

    What was put aside has its five days anew.
    """
    chosen = and_(
        deliveries.c.state.in_((*OPEN, DeliveryState.ASIDE)), *([deliveries.c.address == address] if address else [])
    )
    aside = chosen & (deliveries.c.state == DeliveryState.ASIDE)
    sealed = aside & deliveries.c.content.is_not(None)
    count = connection.execute(update(deliveries).where(chosen).values(next_at_s=now_s)).rowcount
    connection.execute(update(deliveries).where(aside).values(arrived_at_s=now_s))
    connection.execute(update(deliveries).where(sealed).values(state=str(DeliveryState.WAITING)))
    connection.execute(
        update(deliveries).where(aside, deliveries.c.content.is_(None)).values(state=str(DeliveryState.UNSEALED))
    )
    return int(count)


def discard(connection: Connection, *, now_s: float, address: str = "", aside_before_s: float | None = None) -> int:
    """Forget mails without telling anybody; returns how many.

    `address`: all that waits for this user, or was put aside. `aside_before_s`: what was put aside before.
    """
    if aside_before_s is None:
        chosen = and_(deliveries.c.address == address, deliveries.c.state.in_((*OPEN, DeliveryState.ASIDE)))
    else:
        chosen = and_(deliveries.c.state == DeliveryState.ASIDE, deliveries.c.next_at_s < aside_before_s)
    return int(connection.execute(update(deliveries).where(chosen).values(_nothing(now_s))).rowcount)


def left_in_client(connection: Connection, *, limit: int) -> list[BoxDelivery]:
    """Return mails that are done, and whose messages the client still has."""
    left = select(deliveries).where(deliveries.c.state == DeliveryState.DONE, deliveries.c.numbers != "[]")
    return [_delivery(row) for row in connection.execute(left.limit(limit)).mappings()]


def prune(connection: Connection, *, done_before_s: float) -> None:
    """Forget the ids of what was done before this moment."""
    old = (deliveries.c.state == DeliveryState.DONE) & (deliveries.c.next_at_s < done_before_s)
    connection.execute(delete(deliveries).where(old, deliveries.c.numbers == "[]"))


def backlogs(connection: Connection, *, address: str = "", limit: int = 1000) -> list[Backlog]:
    """Return what waits and was put aside, by user; those with the oldest mails first."""
    kept = deliveries.c.state.in_((*OPEN, DeliveryState.ASIDE))
    is_aside = func.sum((deliveries.c.state == DeliveryState.ASIDE).cast(deliveries.c.attempts.type))
    query = (
        select(
            deliveries.c.address,
            func.count().label("kept"),
            is_aside.label("aside"),
            func.sum(deliveries.c.length_bytes).label("length"),
            func.min(deliveries.c.arrived_at_s).label("oldest_s"),
            func.min(deliveries.c.next_at_s).label("next_at_s"),
            func.max(deliveries.c.attempts).label("attempts"),
            func.max(deliveries.c.problem).label("problem"),
        )
        .where(kept, *([deliveries.c.address == address] if address else []))
        .group_by(deliveries.c.address)
        .order_by("oldest_s")
        .limit(limit)
    )
    return [
        Backlog(
            row.address,
            int(row.kept) - int(row.aside),
            int(row.aside),
            int(row.length),
            row.oldest_s,
            row.next_at_s,
            row.attempts,
            row.problem,
        )
        for row in connection.execute(query)
    ]


def count_by_state(connection: Connection) -> dict[str, int]:
    """Return how many mails are in each state."""
    counted = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
    return {str(row[0]): int(row[1]) for row in connection.execute(counted)}


def add_piece(connection: Connection, inbox_number: int, sender: str, mail_id: bytes, now_s: float) -> list[int]:
    """Note a piece; returns the messages that bring this mail so far, this one included."""
    values = {"inbox_number": inbox_number, "sender": sender, "mail_id": mail_id, "arrived_at_s": now_s}
    connection.execute(insert_or(pieces).values(values).on_conflict_do_nothing())
    of_mail = select(pieces.c.inbox_number).where(pieces.c.sender == sender, pieces.c.mail_id == mail_id)
    return list(connection.execute(of_mail.order_by(pieces.c.inbox_number)).scalars())


def surplus_pieces(connection: Connection, sender: str, *, most: int, most_of_all: int) -> list[int]:
    """Return the oldest messages of incomplete mails beyond so many of one sender and of all."""
    own = select(pieces.c.inbox_number).where(pieces.c.sender == sender).order_by(pieces.c.inbox_number.desc())
    everybody = select(pieces.c.inbox_number).order_by(pieces.c.inbox_number.desc())
    found = list(connection.execute(own.offset(most).limit(1000)).scalars())
    return found + list(connection.execute(everybody.offset(most_of_all).limit(1000)).scalars())


def late_pieces(connection: Connection, before_s: float) -> list[int]:
    """Return the messages of incomplete mails that came before `before_s`."""
    late = select(pieces.c.inbox_number).where(pieces.c.arrived_at_s < before_s).limit(1000)
    return list(connection.execute(late).scalars())


def forget_pieces(connection: Connection, numbers: list[int]) -> None:
    """Forget pieces: their mail is whole, or given up."""
    connection.execute(delete(pieces).where(pieces.c.inbox_number.in_(numbers)))


def forget_pieces_of(connection: Connection, sender: str, mail_id: bytes) -> None:
    """Forget the pieces of a mail that was taken."""
    connection.execute(delete(pieces).where(pieces.c.sender == sender, pieces.c.mail_id == mail_id))


def _delivery(row: RowMapping) -> BoxDelivery:
    values = dict(row)
    values["state"] = DeliveryState(values["state"])
    values["numbers"] = tuple(json.loads(values["numbers"]))
    return BoxDelivery(**values)


def _nothing(now_s: float) -> dict[str, object]:
    """Return what is left of a mail that is done: its id, by which it is known if it comes again."""
    return {
        "state": str(DeliveryState.DONE),
        "content": None,
        "sender": "",
        "message_id": "",
        "problem": "",
        "next_at_s": now_s,
    }

"""Incoming messages in the store: fragments that wait for the rest, and the inbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import msgspec
from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from client.api import MessageId, ReceivedMessage, Verified
from client.core.reassembly import KnownMessage
from client.store.schema import inbox, incoming, incoming_fragments, newest_number, orphans, seen
from loopixmix.cards import fingerprint
from loopixmix.seams import Identity

MAX_READ_BYTES = 32 * 1024 * 1024
"""How much one reading of the inbox brings into memory, unless a single message has more."""

Orphan: TypeAlias = tuple[bytes, float]
"""An orphan's id and since when it is kept."""

# The statements are built once: SQLAlchemy takes longer to build one anew than SQLite takes to carry it out.
_OF_HEAD: BindParameter[bytes] = bindparam("of_head")
_SEEN = select(seen.c.fragment_id).where(seen.c.fragment_id.in_(bindparam("ids", expanding=True)))
_BEGIN = insert(incoming)
_ADD_DATA = insert(incoming_fragments)
_REMEMBER = insert_or(seen).on_conflict_do_nothing()
_GROWN = (
    update(incoming)
    .where(incoming.c.head_id.in_(bindparam("heads", expanding=True)))
    .values(changed_at_s=bindparam("now_s"))
)
_DATA = (
    select(incoming_fragments.c.data)
    .where(incoming_fragments.c.head_id == _OF_HEAD)
    .order_by(incoming_fragments.c.position)
)
_FORGET_MESSAGE = delete(incoming).where(incoming.c.head_id == _OF_HEAD)
_KEEP_ORPHAN = insert(orphans)
_TAKE_ORPHAN = delete(orphans).where(orphans.c.orphan_id == bindparam("of_orphan")).returning(orphans.c.fragment)
_POSITIONS = select(incoming_fragments.c.head_id, incoming_fragments.c.position)
_UNFINISHED = select(incoming).order_by(incoming.c.changed_at_s)
_ORPHANS = select(orphans.c.orphan_id, orphans.c.kept_at_s).order_by(orphans.c.kept_at_s)
_ARRIVE = insert_or(inbox).on_conflict_do_nothing().returning(inbox.c.number)
_SIZES_AFTER = (
    select(inbox.c.number, func.length(inbox.c.body))
    .where(inbox.c.number > bindparam("after"))
    .order_by(inbox.c.number)
    .limit(bindparam("count"))
)
_BETWEEN = (
    select(inbox)
    .where(inbox.c.number > bindparam("after"), inbox.c.number <= bindparam("last"))
    .order_by(inbox.c.number)
)
_UNREAD = select(func.count()).where(inbox.c.handled.is_(False))
_UNREAD_BYTES = select(func.coalesce(func.sum(func.length(inbox.c.body)), 0)).where(inbox.c.handled.is_(False))
_MARK_READ = (
    update(inbox)
    .where(inbox.c.handled.is_(False), inbox.c.number > bindparam("after"), inbox.c.number <= bindparam("last"))
    .values(handled=True)
)
_NEWEST = newest_number(inbox)
_DELETE = delete(inbox).where(inbox.c.number == bindparam("of_number")).returning(inbox.c.reply_to)
_OLDEST = select(inbox.c.number, inbox.c.received_at_s).order_by(inbox.c.number).limit(bindparam("count"))
_OLDEST_HANDLED = (
    select(inbox.c.number, func.length(inbox.c.body))
    .where(inbox.c.handled.is_(True))
    .order_by(inbox.c.number)
    .limit(bindparam("count"))
)
_BYTES = select(func.coalesce(func.sum(func.length(inbox.c.body)), 0))
_DELETE_MANY = delete(inbox).where(inbox.c.number.in_(bindparam("numbers", expanding=True))).returning(inbox.c.reply_to)
_EXPIRE = delete(seen).where(seen.c.expires_at_s < bindparam("now_s"))


class TakenFragment(msgspec.Struct, frozen=True):
    """A fragment that belongs to a message."""

    head_id: bytes
    position: int
    data: bytes
    fragment_id: bytes


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is complete and believed; `author` proves it, empty for anonymous ones."""

    author: Identity
    message_id: MessageId
    sender: str | None
    verified: Verified
    kind: str
    body: bytes
    received_at_s: float
    reply_to: str = ""


def seen_of(connection: Connection, fragment_ids: Collection[bytes]) -> set[bytes]:
    """Return which of these fragments were taken before."""
    return set(connection.execute(_SEEN, {"ids": list(fragment_ids)}).scalars())


def begin(connection: Connection, head_id: bytes, *, message_key: bytes, total_bytes: int, now_s: float) -> None:
    """Note a message of which the head is here."""
    values = {"head_id": head_id, "message_key": message_key, "total_bytes": total_bytes, "changed_at_s": now_s}
    connection.execute(_BEGIN, values)


def add_data(connection: Connection, taken: Sequence[TakenFragment], *, now_s: float, remember_until_s: float) -> None:
    """Keep the data of fragments, and remember that they were taken."""
    if not taken:
        return
    data = [{"head_id": part.head_id, "position": part.position, "data": part.data} for part in taken]
    connection.execute(_ADD_DATA, data)
    ids = [{"fragment_id": part.fragment_id, "expires_at_s": remember_until_s} for part in taken]
    connection.execute(_REMEMBER, ids)
    connection.execute(_GROWN, {"heads": list({part.head_id for part in taken}), "now_s": now_s})


def join(connection: Connection, head_id: bytes) -> bytes:
    """Return a complete message, and forget its fragments."""
    stream = b"".join(connection.execute(_DATA, {"of_head": head_id}).scalars())
    forget_message(connection, head_id)
    return stream


def forget_message(connection: Connection, head_id: bytes) -> None:
    """Forget a message with its fragments."""
    connection.execute(_FORGET_MESSAGE, {"of_head": head_id})


def keep_orphan(connection: Connection, orphan_id: bytes, fragment: bytes, now_s: float) -> None:
    """Keep a fragment whose head is not here."""
    connection.execute(_KEEP_ORPHAN, {"orphan_id": orphan_id, "kept_at_s": now_s, "fragment": fragment})


def take_orphan(connection: Connection, orphan_id: bytes) -> bytes | None:
    """Return an orphan and forget it."""
    return connection.execute(_TAKE_ORPHAN, {"of_orphan": orphan_id}).scalar_one_or_none()


def unfinished(connection: Connection) -> tuple[list[KnownMessage], list[Orphan]]:
    """Return the messages that are not complete and the orphans, oldest first."""
    received: dict[bytes, list[int]] = {}
    for head_id, position in connection.execute(_POSITIONS):
        received.setdefault(head_id, []).append(position)
    known = [
        KnownMessage(row.head_id, row.message_key, row.total_bytes, tuple(received[row.head_id]), row.changed_at_s)
        for row in connection.execute(_UNFINISHED)
    ]
    return known, [(row.orphan_id, row.kept_at_s) for row in connection.execute(_ORPHANS)]


def insert_arrival(connection: Connection, arrival: Arrival) -> int | None:
    """Put a message into the inbox; return its number, or None if it is there already."""
    values = msgspec.structs.asdict(arrival) | {"verified": arrival.verified.value, "handled": False}
    return connection.execute(_ARRIVE, values).scalar_one_or_none()


def received_after(connection: Connection, *, after: int, limit: int) -> list[ReceivedMessage]:
    """Return messages with a number over `after`, oldest first; fewer than `limit` if they are long."""
    # First the lengths, then the bodies: a hundred of the longest bodies need not fit into memory.
    last, total_bytes = after, 0
    for number, length in connection.execute(_SIZES_AFTER, {"after": after, "count": limit}):
        total_bytes += length
        if total_bytes > MAX_READ_BYTES and last > after:
            break
        last = number
    return [message_in(row._mapping) for row in connection.execute(_BETWEEN, {"after": after, "last": last})]


def mark_read(connection: Connection, *, after: int, last: int) -> bool:
    """Count the messages with a number over `after` and up to `last` as read; return whether that changed any."""
    return connection.execute(_MARK_READ, {"after": after, "last": last}).rowcount > 0


def unread(connection: Connection) -> int:
    """Return how many messages nobody was shown and no callback has handled."""
    return connection.execute(_UNREAD).scalar_one()


def unread_bytes(connection: Connection, *, most_bytes: int) -> int:
    """Return how much unread messages take; if all that is stored takes no more than `most_bytes`, how much that is."""
    used_bytes = _used_bytes(connection)
    return used_bytes if used_bytes <= most_bytes else int(connection.execute(_UNREAD_BYTES).scalar_one())


def newest_received(connection: Connection) -> int:
    """Return the number of the newest message, deleted or not; 0 if there was none."""
    return connection.execute(_NEWEST).scalar() or 0


def delete_received(connection: Connection, number: int) -> str | None:
    """Forget a message; return how it could be answered, or None if there is no such message."""
    return connection.execute(_DELETE, {"of_number": number}).scalar_one_or_none()


def delete_old(connection: Connection, *, before_s: float, most_bytes: int, limit: int) -> list[str]:
    """Forget at most `limit` received messages: those that came before `before_s`, and the oldest handled ones.

    These only while all take more than `most_bytes`. Returns how each could be answered, empty if it could not.
    """
    # They came in the order of their numbers, or nearly. To look at each would read all bodies, every minute.
    numbers: list[int] = []
    for number, received_at_s in connection.execute(_OLDEST, {"count": limit}):
        if received_at_s >= before_s:
            break
        numbers.append(number)
    # The sum reads the whole table, so it is made only when the file tells that it may be too much.
    if not numbers and _used_bytes(connection) > most_bytes:
        too_much = connection.execute(_BYTES).scalar_one() - most_bytes
        for number, length in connection.execute(_OLDEST_HANDLED, {"count": limit}):
            if too_much <= 0:
                break
            numbers.append(number)
            too_much -= length
    return list(connection.execute(_DELETE_MANY, {"numbers": numbers}).scalars()) if numbers else []


def _used_bytes(connection: Connection) -> int:
    pages, free, size = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def expire_seen(connection: Connection, now_s: float) -> None:
    """Forget fragments that cannot be repeated any more."""
    connection.execute(_EXPIRE, {"now_s": now_s})


def message_in(row: RowMapping) -> ReceivedMessage:
    """Return the message that a row of the inbox holds."""
    values = {name: row[name] for name in ReceivedMessage.__struct_fields__ if name != "fingerprint"}
    signed_by = fingerprint(row["author"]) if row["author"] else ""
    return ReceivedMessage(**values | {"verified": Verified(row["verified"]), "fingerprint": signed_by})

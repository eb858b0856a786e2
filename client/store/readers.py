"""Readers in the store: which messages of a kind each of them has handled.

The reader without a name has an empty one. What a reader handled is a number, up to which it is all, and single ones.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from client.api import NamedReader, ReceivedMessage, TooManyReadersError, UnknownReaderError
from client.store.incoming import message_in
from client.store.schema import inbox, readers, settled

MAX_READERS = 64
"""So many named readers a client keeps, each kind counted by itself."""

_PLACE = select(readers.c.id, readers.c.settled_to).where(
    readers.c.name == bindparam("of_name"), readers.c.kind == bindparam("of_kind")
)
_COUNT = select(func.count()).where(readers.c.name != "")
_MAKE = insert(readers).returning(readers.c.id)
_USE = update(readers).where(readers.c.id == bindparam("of_reader")).values(used_at_s=bindparam("now_s"))
_IS_SETTLED = exists().where(settled.c.reader == bindparam("of_reader"), settled.c.number == inbox.c.number)
_OPEN = (
    inbox.c.kind == bindparam("of_kind"),
    inbox.c.number > bindparam("after"),
    ~_IS_SETTLED,
)
_FIRST_OPEN = select(inbox).where(*_OPEN).order_by(inbox.c.number).limit(1)
_FIRST_OPEN_NUMBER = select(inbox.c.number).where(*_OPEN).order_by(inbox.c.number).limit(1)
_HOW_MANY_OPEN = select(func.count()).where(*_OPEN)
_OPEN_ONE = select(inbox).where(*_OPEN, inbox.c.number == bindparam("of_number"))
_LAST_SETTLED = select(func.max(settled.c.number)).where(settled.c.reader == bindparam("of_reader"))
_SETTLE = insert_or(settled).on_conflict_do_nothing().returning(settled.c.number)
_HANDLE = update(inbox).where(inbox.c.number == bindparam("of_number")).values(handled=True)
_ADVANCE = update(readers).where(readers.c.id == bindparam("of_reader")).values(settled_to=bindparam("to"))
_FORGET_SETTLED = delete(settled).where(settled.c.reader == bindparam("of_reader"), settled.c.number <= bindparam("to"))
_NAMED = select(readers).where(readers.c.name != "").order_by(readers.c.name, readers.c.kind)
_REMOVE = delete(readers).where(readers.c.name == bindparam("of_name"), readers.c.kind == bindparam("of_kind"))


class ReaderPlace(msgspec.Struct, frozen=True):
    """A reader's row, and the number up to which it has handled all."""

    reader: int
    settled_to: int


NOWHERE = ReaderPlace(0, 0)
"""The place of the reader without a name before it has handled anything."""


def begin(connection: Connection, name: str, kind: str, *, now_s: float) -> None:
    """Note that a reader is in use, and make a named one that is not there; raise `TooManyReadersError`."""
    place = _place(connection, name, kind)
    if place is not None:
        connection.execute(_USE, {"of_reader": place.reader, "now_s": now_s})
    elif name:
        if connection.execute(_COUNT).scalar_one() >= MAX_READERS:
            raise TooManyReadersError(
                f"there are {MAX_READERS} named readers already: remove one before {name} begins to read {kind}"
            )
        _make(connection, name, kind, now_s)


def first_open(connection: Connection, name: str, kind: str, *, after: int) -> ReceivedMessage | None:
    """Return the oldest message of a kind, with a number over `after`, that a reader has not handled."""
    place = _place(connection, name, kind) or NOWHERE
    after = max(after, place.settled_to)
    row = connection.execute(_FIRST_OPEN, _at(place, kind, after)).one_or_none()
    return None if row is None else message_in(row._mapping)


def open_one(connection: Connection, name: str, kind: str, number: int) -> ReceivedMessage | None:
    """Return the message of this number, unless the reader has handled it."""
    place = _place(connection, name, kind) or NOWHERE
    row = connection.execute(_OPEN_ONE, _at(place, kind, place.settled_to) | {"of_number": number}).one_or_none()
    return None if row is None else message_in(row._mapping)


def settle(connection: Connection, name: str, kind: str, number: int, *, now_s: float) -> bool:
    """Note that a reader has handled a message; return whether that is new. Raises `UnknownReaderError`."""
    place = _place(connection, name, kind)
    if place is None:
        if name:
            raise UnknownReaderError(f"there is no reader {name} of {kind} any more")
        place = _make(connection, name, kind, now_s)
    if number <= place.settled_to:
        return False
    if connection.execute(_SETTLE, {"reader": place.reader, "number": number}).scalar_one_or_none() is None:
        return False
    connection.execute(_HANDLE, {"of_number": number})
    first = connection.execute(_FIRST_OPEN_NUMBER, _at(place, kind, place.settled_to)).scalar()
    # While an earlier message is open, only this one row is added: looking at all the later ones would take long.
    if first is None or first > number:
        last: int = connection.execute(_LAST_SETTLED, {"of_reader": place.reader}).scalar_one()
        to = last if first is None else first - 1
        connection.execute(_ADVANCE, {"of_reader": place.reader, "to": to})
        connection.execute(_FORGET_SETTLED, {"of_reader": place.reader, "to": to})
    return True


def named(connection: Connection) -> list[NamedReader]:
    """Return the named readers by name and kind."""
    return [
        NamedReader(
            name=row.name,
            kind=row.kind,
            waiting=connection.execute(
                _HOW_MANY_OPEN, _at(ReaderPlace(row.id, row.settled_to), row.kind, row.settled_to)
            ).scalar_one(),
            programs=0,
            made_at_s=row.made_at_s,
            used_at_s=row.used_at_s,
        )
        for row in connection.execute(_NAMED).all()
    ]


def remove(connection: Connection, name: str, kind: str) -> bool:
    """Forget a reader; return whether there was such a one."""
    return connection.execute(_REMOVE, {"of_name": name, "of_kind": kind}).rowcount > 0


def _at(place: ReaderPlace, kind: str, after: int) -> dict[str, object]:
    return {"of_reader": place.reader, "of_kind": kind, "after": after}


def _place(connection: Connection, name: str, kind: str) -> ReaderPlace | None:
    row = connection.execute(_PLACE, {"of_name": name, "of_kind": kind}).one_or_none()
    return None if row is None else ReaderPlace(row.id, row.settled_to)


def _make(connection: Connection, name: str, kind: str, now_s: float) -> ReaderPlace:
    values = {"name": name, "kind": kind, "settled_to": 0, "made_at_s": now_s, "used_at_s": now_s}
    return ReaderPlace(connection.execute(_MAKE, values).scalar_one(), 0)

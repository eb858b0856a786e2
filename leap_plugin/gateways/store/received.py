"""The messages of the client that were dealt with: none twice, and none kept there longer than needed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select, update

from leap_plugin.gateways.store.schema import taken

MOST_AT_ONCE = 100


def note_taken(connection: Connection, received: int, forget_at_s: float) -> bool:
    """Note that a message was dealt with; false if it was before: a crash came between our disk and the client's.

    `received`: its number. `forget_at_s`: from when on the client may forget it, and with it the way to answer.
    """
    if was_taken(connection, received):
        return False
    connection.execute(insert(taken), {"received": received, "forget_at_s": forget_at_s})
    return True


def was_taken(connection: Connection, received: int) -> bool:
    """Tell whether a message was dealt with before."""
    return connection.execute(select(taken.c.received).where(taken.c.received == received)).first() is not None


def to_forget(connection: Connection, now_s: float) -> list[int]:
    """Return the numbers of up to `MOST_AT_ONCE` messages that the client may forget now."""
    due = select(taken.c.received).where(taken.c.forget_at_s <= now_s).order_by(taken.c.forget_at_s)
    return list(connection.execute(due.limit(MOST_AT_ONCE)).scalars())


def note_forgotten(connection: Connection, numbers: Collection[int]) -> None:
    """Note that the client has forgotten these messages, so that none of them can come again."""
    connection.execute(delete(taken).where(taken.c.received.in_(list(numbers))))


def forget_later(connection: Connection, received: int, forget_at_s: float) -> None:
    """Keep a message that was dealt with for longer."""
    connection.execute(update(taken).where(taken.c.received == received).values(forget_at_s=forget_at_s))

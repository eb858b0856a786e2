"""Which mails from outside were taken for whom: one that comes again, because our answer was lost, is one mail."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select

from leap_plugin.gateways.store.schema import arrived

MOST_KEPT = 1_000_000
"""So many are remembered, about 60 MB; the oldest make room."""
MADE_ROOM = 10_000
"""So many are forgotten at once: to count a million at each mail would take long."""


def has_arrived(connection: Connection, name: bytes) -> bool:
    """Tell whether this mail was taken for this recipient. `name`: a digest of both, of 32 bytes."""
    return connection.execute(select(arrived.c.name).where(arrived.c.name == name)).first() is not None


def note_arrived(connection: Connection, name: bytes, forget_at_s: float) -> None:
    """Note that it was taken; a second time changes nothing."""
    if not has_arrived(connection, name):
        connection.execute(insert(arrived), {"name": name, "forget_at_s": forget_at_s})


def forget_arrived(connection: Connection, now_s: float) -> None:
    """Forget what will not come again, and the oldest of what is too much."""
    connection.execute(delete(arrived).where(arrived.c.forget_at_s <= now_s))
    count = int(connection.execute(select(func.count()).select_from(arrived)).scalar_one())
    if count > MOST_KEPT:
        oldest = select(arrived.c.name).order_by(arrived.c.forget_at_s).limit(count - MOST_KEPT + MADE_ROOM)
        connection.execute(delete(arrived).where(arrived.c.name.in_(oldest)))

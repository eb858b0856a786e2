"""The mails that wait for the relay, and the work on them inside a transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from leap_plugin.gateways.store.schema import waiting
from leap_plugin.gateways.store.sealing import RecordSealer

TABLE = "waiting"


class OutsideMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as the relay gets it.

    `mail_from`, `recipient`: of the SMTP envelope. `needs_smtputf8`: whether an address is beyond ASCII. `report_to`:
    where the client sends reports of it (`Client.send`), empty for nowhere.
    """

    mail_from: str
    recipient: str
    message: bytes
    needs_smtputf8: bool = False
    report_to: str = ""


@dataclass(frozen=True)
class WaitingMail:
    """A mail in the queue. `attempts`: so many failed; `told_delay`: whether its sender was told that it waits."""

    number: int
    mail: OutsideMail
    arrived_s: float
    attempts: int
    told_delay: bool


class WaitingMails:
    """The queue of an exit, in a store."""

    def __init__(self, sealer: RecordSealer) -> None:
        """`sealer`: of the store."""
        self._sealer = sealer

    def put(self, connection: Connection, mail: OutsideMail, now_s: float) -> None:
        """Let a mail wait; it is due at once."""
        sealed = self._sealer.seal(mail, TABLE)
        row = {"arrived_s": now_s, "next_at_s": now_s, "attempts": 0, "told_delay": False, "sealed": sealed}
        connection.execute(insert(waiting), row)

    def due(
        self, connection: Connection, now_s: float, *, but: Collection[int], most: int
    ) -> tuple[list[WaitingMail], float | None]:
        """Return up to `most` mails that are due, the longest due first, and when the next other one is.

        `but`: the numbers of those that are being sent now.
        """
        others = select(waiting).where(waiting.c.id.not_in(list(but))).order_by(waiting.c.next_at_s, waiting.c.id)
        rows = connection.execute(others.limit(most + 1)).all()
        found = [self._mail(row) for row in rows[:most] if row.next_at_s <= now_s]
        rest = rows[len(found) :]
        return found, rest[0].next_at_s if rest else None

    def postpone(self, connection: Connection, number: int, next_at_s: float, *, told_delay: bool) -> None:
        """Note a failed attempt; the next one is at `next_at_s`."""
        values = {"next_at_s": next_at_s, "attempts": waiting.c.attempts + 1, "told_delay": told_delay}
        connection.execute(update(waiting).where(waiting.c.id == number).values(values))

    def remove(self, connection: Connection, number: int) -> None:
        """Forget a mail that the relay has, or that failed."""
        connection.execute(delete(waiting).where(waiting.c.id == number))

    def _mail(self, row: Row[Any]) -> WaitingMail:
        mail = self._sealer.open(row.sealed, OutsideMail, TABLE)
        return WaitingMail(row.id, mail, row.arrived_s, row.attempts, row.told_delay)


def count_waiting(connection: Connection) -> int:
    """Return how many mails wait."""
    return int(connection.execute(select(func.count()).select_from(waiting)).scalar_one())

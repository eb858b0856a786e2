"""What the store knows of messages that came: dealt with, put aside, to be answered. In the caller's transaction."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from client.api import ReceivedMessage
from leap_plugin.store.pieces import give_up_late, incomplete_mails
from leap_plugin.store.schema import incoming_losses, reply_ways, taken_messages

REMEMBERED_S = 60 * 86_400.0
"""For so long it is known that a message was dealt with. The client forgets it at once, or after `ANSWERABLE_S`."""
ANSWERABLE_S = 86_400.0
"""For so long the way to answer an anonymous mail is kept: longer than its reply blocks work."""


class Loss(enum.StrEnum):
    """Why something that came is in no folder."""

    MALFORMED = "malformed"
    GIVEN_UP = "given-up"
    DISPLACED = "displaced"


@dataclass(frozen=True)
class ReplyWay:
    """How to answer an anonymous mail. `reply_to`: for `client.api.Client.send`; the rest names the message."""

    word: str
    reply_to: str
    number: int
    message_id: str
    came_at_s: float


@dataclass(frozen=True)
class IncomingState:
    """What is told of an account's incoming mail. `losses`: how many, by reason, and when the last one was."""

    incomplete: int
    losses: dict[Loss, tuple[int, float]]

    def lines(self) -> tuple[str, ...]:
        """Return a line for each thing that a person should know."""
        told = []
        if self.incomplete:
            told.append(f"{self.incomplete} mails wait for pieces that are still missing")
        for loss, text in _TOLD.items():
            if loss in self.losses:
                told.append(f"{self.losses[loss][0]} {text}")
        return tuple(told)


_TOLD = {
    Loss.MALFORMED: "messages are no mails: they were put aside, and are in the inbox of the client",
    Loss.GIVEN_UP: "mails were given up, because no further piece of them came for five days",
    Loss.DISPLACED: "incomplete mails were given up, because their senders began too many others",
}


def note_taken(connection: Connection, account: int, message: ReceivedMessage, now_s: float) -> bool:
    """Note that a message is dealt with in this transaction; return False if it was before."""
    sender = message.sender or ""
    its_row = (
        taken_messages.c.account == account,
        taken_messages.c.sender == sender,
        taken_messages.c.message_id == message.message_id,
    )
    if connection.execute(select(taken_messages.c.account).where(*its_row)).first() is not None:
        return False
    values = {"account": account, "sender": sender, "message_id": message.message_id, "taken_at_s": now_s}
    connection.execute(insert(taken_messages), values)
    return True


def note_loss(connection: Connection, account: int, loss: Loss, now_s: float, *, count: int = 1) -> None:
    """Count something that is lost, for the status."""
    if not count:
        return
    its_row = (incoming_losses.c.account == account, incoming_losses.c.reason == loss.value)
    more = update(incoming_losses).where(*its_row)
    counted = connection.execute(more.values(times=incoming_losses.c.times + count, last_at_s=now_s))
    if not counted.rowcount:
        values = {"account": account, "reason": loss.value, "times": count, "last_at_s": now_s}
        connection.execute(insert(incoming_losses), values)


def incoming_state(connection: Connection, account: int) -> IncomingState:
    """Return what is told of an account's incoming mail."""
    rows = connection.execute(select(incoming_losses).where(incoming_losses.c.account == account)).all()
    losses = {Loss(row.reason): (int(row.times), float(row.last_at_s)) for row in rows}
    return IncomingState(incomplete_mails(connection, account), losses)


def keep_way(connection: Connection, account: int, way: ReplyWay) -> None:
    """Keep how to answer an anonymous mail."""
    values = {
        "account": account,
        "word": way.word,
        "reply_to": way.reply_to,
        "number": way.number,
        "message_id": way.message_id,
        "came_at_s": way.came_at_s,
    }
    connection.execute(insert(reply_ways), values)


def find_way(connection: Connection, account: int, word: str) -> ReplyWay | None:
    """Return how to answer the mail that was shown with this word; None if that is unknown, or was too long ago."""
    its_row = (reply_ways.c.account == account, reply_ways.c.word == word)
    row = connection.execute(select(reply_ways).where(*its_row)).one_or_none()
    return None if row is None else _way(row)


def is_answerable(connection: Connection, account: int, message: ReceivedMessage) -> bool:
    """Return whether a way to answer this message is kept, so that the client has to keep it too."""
    its_row = (reply_ways.c.account == account, reply_ways.c.message_id == message.message_id)
    return connection.execute(select(reply_ways.c.word).where(*its_row)).first() is not None


def late_ways(connection: Connection, account: int, now_s: float) -> list[ReplyWay]:
    """Return the ways that work no more."""
    its_rows = (reply_ways.c.account == account, reply_ways.c.came_at_s < now_s - ANSWERABLE_S)
    rows = connection.execute(select(reply_ways).where(*its_rows)).all()
    return [_way(row) for row in rows]


def _way(row: Row[Any]) -> ReplyWay:
    return ReplyWay(row.word, row.reply_to, row.number, row.message_id, row.came_at_s)


def forget_way(connection: Connection, account: int, word: str) -> None:
    """Forget how to answer a mail."""
    connection.execute(delete(reply_ways).where(reply_ways.c.account == account, reply_ways.c.word == word))


def tidy(connection: Connection, now_s: float) -> None:
    """Give up what is too late, in all accounts, and forget what can come no more."""
    for account, count in give_up_late(connection, now_s).items():
        note_loss(connection, account, Loss.GIVEN_UP, now_s, count=count)
    connection.execute(delete(taken_messages).where(taken_messages.c.taken_at_s < now_s - REMEMBERED_S))

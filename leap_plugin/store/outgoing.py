"""The queue of outgoing mails. Each function works in the transaction of its caller."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, or_, select, update

from client.api import MessageState
from leap_plugin.mail.heads import head_of
from leap_plugin.mail.reports import MAX_HEADER_BYTES
from leap_plugin.mail.states import DsnAction
from leap_plugin.store.schema import (
    outgoing_authors,
    outgoing_contents,
    outgoing_ids,
    outgoing_mails,
    outgoing_pieces,
    outgoing_recipients,
)

MOST_IDS = 10_000
"""So many Message-IDs of an account are remembered, the newest."""


class Reached(enum.StrEnum):
    """How far a mail is on its way to one recipient.

    `CANCELLING`: its author wants it no more, and the client is still to be told. `SENT`: an answer to an anonymous
    sender has left, which nothing acknowledges.
    """

    WAITING = "waiting"
    SENT = "sent"
    CANCELLING = "cancelling"
    STORED = "stored"
    RECEIVED = "received"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY = frozenset({Reached.WAITING, Reached.CANCELLING})
ALIVE = frozenset({MessageState.QUEUED, MessageState.SENDING, MessageState.RETRYING})
"""States of a message of the network of which something may still be sent."""


@dataclass(frozen=True, kw_only=True)
class PieceRow:
    """A message of the network that brings a mail, or a piece of it, to a recipient.

    `tried`: whether the client may have it already. `message_id` and `state`: what the client said of it. `sent`: so
    many of its `fragments` had left when it was cancelled.
    """

    position: int
    fragments: int
    tried: bool = False
    message_id: str | None = None
    state: MessageState | None = None
    detail: str = ""
    sent: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether the client may still send something of it."""
        return self.tried if self.state is None else self.state in ALIVE


@dataclass(frozen=True, kw_only=True)
class RecipientRow:
    """One recipient of a mail; see `leap_plugin.store.schema.outgoing_recipients`."""

    number: int = 0
    mail: int = 0
    position: int
    address: str
    reached_at: str
    kind: str
    enclosed_to: str = ""
    token: bytes = field(default=b"", repr=False)
    notify: frozenset[str] = frozenset()
    original: str = ""
    state: Reached = Reached.WAITING
    told: frozenset[DsnAction] = frozenset()
    problem: str = ""
    attempts: int = 0
    next_at_s: float = 0.0
    expected_at_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class MailRow:
    """A mail in the queue; see `leap_plugin.store.schema.outgoing_mails`."""

    number: int = 0
    account: int
    queue_id: str
    sender: str
    envelope_id: str = ""
    returns_all: bool = False
    anonymous: bool = False
    from_outbox: bool = False
    folder: str
    uid: int | None
    length_bytes: int
    taken_at_s: float
    ended_at_s: float | None = None


@dataclass(frozen=True)
class OutgoingContent:
    """The bytes of a mail: as its author wrote it, and in the form in which it leaves anonymously, if it does."""

    original: bytes = field(repr=False)
    canonical: bytes | None = field(default=None, repr=False)


def followed(connection: Connection, account: int) -> int:
    """Return the number of the last step of messages that was taken note of; 0 before the first one."""
    query = select(outgoing_authors.c.followed).where(outgoing_authors.c.account == account)
    return connection.execute(query).scalar_one_or_none() or 0


def note_followed(connection: Connection, account: int, number: int) -> None:
    """Note which step was the last one."""
    _change_author(connection, account, followed=number)


def standing_uid(connection: Connection, account: int) -> int | None:
    """Return the UID of the message in INBOX that tells the states of mails, if there is one."""
    query = select(outgoing_authors.c.standing_uid).where(outgoing_authors.c.account == account)
    return connection.execute(query).scalar_one_or_none()


def note_standing_uid(connection: Connection, account: int, uid: int | None) -> None:
    """Note the UID of that message."""
    _change_author(connection, account, standing_uid=uid)


def _change_author(connection: Connection, account: int, **values: int | None) -> None:
    changed = update(outgoing_authors).where(outgoing_authors.c.account == account).values(values)
    if not connection.execute(changed).rowcount:
        connection.execute(insert(outgoing_authors), {"account": account, "followed": 0, **values})


def insert_mail(
    connection: Connection,
    mail: MailRow,
    content: OutgoingContent,
    recipients: Iterable[tuple[RecipientRow, Sequence[PieceRow]]],
) -> int:
    """Put a mail into the queue, with each of its recipients and the messages for it; return its number."""
    values = {key: value for key, value in vars(mail).items() if key != "number"}
    number = int(connection.execute(insert(outgoing_mails).returning(outgoing_mails.c.number), values).scalar_one())
    kept = {"mail": number, "original": content.original, "canonical": content.canonical}
    connection.execute(insert(outgoing_contents), kept)
    for recipient, pieces in recipients:
        fields = {key: value for key, value in vars(recipient).items() if key != "number"}
        fields |= {"mail": number, "notify": " ".join(sorted(recipient.notify)), "told": " ".join(recipient.told)}
        made = insert(outgoing_recipients).returning(outgoing_recipients.c.number)
        row = connection.execute(made, fields).scalar_one()
        if pieces:
            connection.execute(insert(outgoing_pieces), [{"recipient": row, **vars(piece)} for piece in pieces])
    return number


def find_mail(connection: Connection, number: int) -> MailRow | None:
    """Return a mail; None if it is not in the queue any more."""
    found = connection.execute(select(outgoing_mails).where(outgoing_mails.c.number == number)).one_or_none()
    return None if found is None else MailRow(**found._mapping)


def waiting_mails(connection: Connection, account: int) -> list[MailRow]:
    """Return the mails that have not ended, the oldest first."""
    which = (outgoing_mails.c.account == account, outgoing_mails.c.ended_at_s.is_(None))
    rows = connection.execute(select(outgoing_mails).where(*which).order_by(outgoing_mails.c.number))
    return [MailRow(**row._mapping) for row in rows]


def content_of(connection: Connection, mail: int) -> OutgoingContent:
    """Return the bytes of a mail."""
    columns = (outgoing_contents.c.original, outgoing_contents.c.canonical)
    return OutgoingContent(*connection.execute(select(*columns).where(outgoing_contents.c.mail == mail)).one())


def recipients_of(connection: Connection, mail: int) -> list[RecipientRow]:
    """Return to whom a mail goes, in the order of its submission."""
    query = select(outgoing_recipients).where(outgoing_recipients.c.mail == mail)
    return [_recipient(row) for row in connection.execute(query.order_by(outgoing_recipients.c.position))]


def find_recipient(connection: Connection, number: int) -> RecipientRow | None:
    """Return a recipient; None if its mail is not in the queue any more."""
    query = select(outgoing_recipients).where(outgoing_recipients.c.number == number)
    found = connection.execute(query).one_or_none()
    return None if found is None else _recipient(found)


def pieces_of(connection: Connection, recipient: int) -> list[PieceRow]:
    """Return the messages that bring a mail to a recipient, in their order."""
    query = select(outgoing_pieces).where(outgoing_pieces.c.recipient == recipient)
    return [_piece(row) for row in connection.execute(query.order_by(outgoing_pieces.c.position))]


def recipients_to_hand_over(connection: Connection, account: int, now_s: float, *, limit: int) -> list[RecipientRow]:
    """Return recipients of whose mail something is still to be handed to the client now, the longest due first.

    Not the oldest first: those that cannot be reached would take the turns of all others.
    """
    query = _of_account(account).where(_waits_for_handover(), outgoing_recipients.c.next_at_s <= now_s)
    return [
        _recipient(row)
        for row in connection.execute(
            query.order_by(outgoing_recipients.c.next_at_s, outgoing_recipients.c.number).limit(limit)
        )
    ]


def next_handover_s(connection: Connection, account: int) -> float | None:
    """Return when something is to be handed to the client next; None if nothing is."""
    times = _of_account(account).where(_waits_for_handover()).with_only_columns(outgoing_recipients.c.next_at_s)
    return connection.execute(select(func.min(times.subquery().c.next_at_s))).scalar_one_or_none()


def waiting_recipients(
    connection: Connection, account: int, *, taken_before_s: float
) -> list[tuple[RecipientRow, float]]:
    """Return the recipients whose mail was taken before that moment, and still waits, and when it was taken."""
    query = _of_account(account).where(
        outgoing_recipients.c.state == Reached.WAITING, outgoing_mails.c.taken_at_s <= taken_before_s
    )
    found = [_recipient(row) for row in connection.execute(query.order_by(outgoing_recipients.c.number))]
    mails = {mail.number: mail.taken_at_s for mail in waiting_mails(connection, account)} if found else {}
    return [(one, mails[one.mail]) for one in found]


def waiting_size(connection: Connection, account: int) -> tuple[int, int]:
    """Return how many mails wait, and how many bytes they have."""
    which = (outgoing_mails.c.account == account, outgoing_mails.c.ended_at_s.is_(None))
    query = select(func.count(), func.coalesce(func.sum(outgoing_mails.c.length_bytes), 0)).where(*which)
    count, length_bytes = connection.execute(query).one()
    return int(count), int(length_bytes)


def handed_alive(connection: Connection, account: int, *, answers: bool = False) -> list[tuple[RecipientRow, PieceRow]]:
    """Return the messages that the client has, and of which it may still send something.

    `answers`: only those that answer anonymous senders.
    """
    alive: ColumnElement[bool] = outgoing_pieces.c.state.in_(ALIVE)
    if answers:
        alive &= ~outgoing_recipients.c.reached_at.contains("@", autoescape=True)
    return _with_pieces(connection, account, alive)


def unwanted_alive(connection: Connection, account: int) -> list[tuple[RecipientRow, PieceRow]]:
    """Return the messages of which the client may still send something, although nobody wants them any more."""
    unwanted = outgoing_recipients.c.state.in_([Reached.CANCELLING, Reached.CANCELLED, Reached.FAILED])
    is_alive = or_(outgoing_pieces.c.state.in_(ALIVE), outgoing_pieces.c.state.is_(None) & outgoing_pieces.c.tried)
    return _with_pieces(connection, account, unwanted, is_alive)


def piece_of_message(connection: Connection, account: int, message_id: str) -> tuple[RecipientRow, PieceRow] | None:
    """Return what a message of the network brings; None if it is none of this account's queue."""
    return next(iter(_with_pieces(connection, account, outgoing_pieces.c.message_id == message_id)), None)


def change_piece(connection: Connection, recipient: int, piece: PieceRow) -> None:
    """Write down a message as it is now."""
    which = (outgoing_pieces.c.recipient == recipient, outgoing_pieces.c.position == piece.position)
    connection.execute(update(outgoing_pieces).where(*which).values(vars(piece)))


def change_recipient(connection: Connection, recipient: RecipientRow) -> None:
    """Write down a recipient as it is now."""
    changed = {
        "state": recipient.state,
        "told": " ".join(recipient.told),
        "problem": recipient.problem,
        "attempts": recipient.attempts,
        "next_at_s": recipient.next_at_s,
        "expected_at_s": recipient.expected_at_s,
    }
    which = outgoing_recipients.c.number == recipient.number
    connection.execute(update(outgoing_recipients).where(which).values(changed))


def hurry(connection: Connection, account: int, now_s: float) -> None:
    """Let everything be handed over at once that waits because of a failure."""
    of_account = select(outgoing_mails.c.number).where(outgoing_mails.c.account == account)
    waits = _waits_for_handover() & outgoing_recipients.c.mail.in_(of_account)
    later = update(outgoing_recipients).where(waits, outgoing_recipients.c.next_at_s > now_s)
    connection.execute(later.values(next_at_s=now_s))


def long_pieces_alive(connection: Connection, account: int, *, from_fragments: int) -> int:
    """Return of how many messages with so many fragments or more the client may still send something."""
    which = (outgoing_pieces.c.fragments >= from_fragments, outgoing_pieces.c.state.in_(ALIVE))
    return len(_with_pieces(connection, account, *which))


def note_sent(connection: Connection, recipient: int) -> None:
    """Note that all has left to a recipient of whom nothing further will be known."""
    which = (outgoing_recipients.c.number == recipient, outgoing_recipients.c.state == Reached.WAITING)
    connection.execute(update(outgoing_recipients).where(*which).values(state=Reached.SENT))


def end_mail(connection: Connection, mail: int, now_s: float) -> None:
    """Note that a mail waits no more; of its bytes only the head is kept."""
    changed = update(outgoing_mails).where(outgoing_mails.c.number == mail)
    connection.execute(changed.values(ended_at_s=now_s, uid=None))
    head = head_of(content_of(connection, mail).original)[:MAX_HEADER_BYTES]
    cut = update(outgoing_contents).where(outgoing_contents.c.mail == mail)
    connection.execute(cut.values(original=head, canonical=None))


def ended_mails(connection: Connection, account: int, *, before_s: float, most: int) -> Mapping[int, list[str]]:
    """Return the mails that ended before that moment, and those beyond the newest `most`, with their messages' ids."""
    ended = select(outgoing_mails.c.number, outgoing_mails.c.ended_at_s)
    ended = ended.where(outgoing_mails.c.account == account, outgoing_mails.c.ended_at_s.is_not(None))
    newest_first = connection.execute(ended.order_by(outgoing_mails.c.ended_at_s.desc())).all()
    chosen = [row.number for place, row in enumerate(newest_first) if place >= most or row.ended_at_s < before_s]
    return {
        number: list(
            connection.execute(
                select(outgoing_pieces.c.message_id)
                .join(outgoing_recipients, outgoing_recipients.c.number == outgoing_pieces.c.recipient)
                .where(outgoing_recipients.c.mail == number, outgoing_pieces.c.message_id.is_not(None))
            ).scalars()
        )
        for number in chosen
    }


def remove_mail(connection: Connection, mail: int) -> None:
    """Forget a mail, its recipients and its messages."""
    connection.execute(delete(outgoing_mails).where(outgoing_mails.c.number == mail))


def ids_for(connection: Connection, account: int, mentioned: Iterable[str]) -> dict[str, str]:
    """Return which Message-ID left instead of which, of those that are mentioned, whichever of the two it is."""
    named = sorted(set(mentioned))
    columns = select(outgoing_ids.c.authors, outgoing_ids.c.left_as).where(outgoing_ids.c.account == account)
    which = or_(outgoing_ids.c.authors.in_(named), outgoing_ids.c.left_as.in_(named))
    return {row.authors: row.left_as for row in connection.execute(columns.where(which))}


def keep_ids(connection: Connection, account: int, ids: Mapping[str, str], now_s: float) -> None:
    """Remember which Message-ID left instead of the author's; the first one stays."""
    known = ids_for(connection, account, ids)
    new = [
        {"account": account, "authors": authors, "left_as": left_as, "at_s": now_s}
        for authors, left_as in ids.items()
        if authors not in known
    ]
    if not new:
        return
    connection.execute(insert(outgoing_ids), new)
    mine = outgoing_ids.c.account == account
    newest_first = select(outgoing_ids.c.at_s).where(mine).order_by(outgoing_ids.c.at_s.desc())
    oldest = connection.execute(newest_first.offset(MOST_IDS).limit(1)).scalar_one_or_none()
    if oldest is not None:
        connection.execute(delete(outgoing_ids).where(mine, outgoing_ids.c.at_s <= oldest))


def _of_account(account: int) -> Any:
    joined = select(outgoing_recipients).join(outgoing_mails, outgoing_mails.c.number == outgoing_recipients.c.mail)
    return joined.where(outgoing_mails.c.account == account)


def _waits_for_handover() -> ColumnElement[bool]:
    of_recipient = outgoing_pieces.c.recipient == outgoing_recipients.c.number
    unhanded = exists().where(of_recipient, outgoing_pieces.c.message_id.is_(None))
    return (outgoing_recipients.c.state == Reached.WAITING) & unhanded


def _with_pieces(
    connection: Connection, account: int, *which: ColumnElement[bool]
) -> list[tuple[RecipientRow, PieceRow]]:
    query = _of_account(account).join(outgoing_pieces, outgoing_pieces.c.recipient == outgoing_recipients.c.number)
    query = query.where(*which).with_only_columns(outgoing_recipients.c.number, outgoing_pieces.c.position)
    return list(_pairs(connection, connection.execute(query.order_by(*query.selected_columns)).all()))


def _pairs(connection: Connection, found: Sequence[Row[Any]]) -> Iterator[tuple[RecipientRow, PieceRow]]:
    for number, position in (tuple(row) for row in found):
        recipient = find_recipient(connection, number)
        piece = next(one for one in pieces_of(connection, number) if one.position == position)
        if recipient is not None:
            yield recipient, piece


def _recipient(row: Row[Any]) -> RecipientRow:
    values = dict(row._mapping)
    values["notify"] = frozenset(values["notify"].split())
    values["told"] = frozenset(DsnAction(one) for one in values["told"].split())
    values["state"] = Reached(values["state"])
    return RecipientRow(**values)


def _piece(row: Row[Any]) -> PieceRow:
    values = {key: value for key, value in row._mapping.items() if key != "recipient"}
    values["state"] = None if values["state"] is None else MessageState(values["state"])
    return PieceRow(**values)

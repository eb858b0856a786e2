"""Outgoing messages in the store: their fragments, drafts and history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, tuple_, update

from client.api import MessageState, OutgoingMessage, StateChange
from client.core.delivery import FINISHED
from client.core.journal import NumberedChange
from client.store.schema import changes, drafts, fragments, messages
from loopixmix.seams import NodeId

INSERT_BATCH = 256
SIGNED, ANONYMOUS, REPLY, RECEIPT = "signed", "anonymous", "reply", "receipt"
"""The forms of an outgoing message. A receipt is ours, not the user's: it has no history."""

MessageRow = int
"""A message's place in the store."""


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a message when it is queued."""

    message_id: str
    idempotency_key: str | None
    digest: bytes
    form: str
    recipient: str
    kind: str
    length_bytes: int
    mailbox: NodeId
    provider: NodeId
    fragments: int
    created_at_s: float
    not_before_s: float
    give_up_at_s: float


class UnfinishedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is still to be sent, or to be acknowledged."""

    row: MessageRow
    message_id: str
    form: str
    mailbox: NodeId
    provider: NodeId
    fragments: int
    sent: int
    state: MessageState
    not_before_s: float
    give_up_at_s: float
    is_draft: bool
    waiting: tuple[tuple[int, int | None], ...]
    """Fragments not acknowledged: the position of each, and the epoch in which it can be sent if only in one."""


class StoredFragment(msgspec.Struct, frozen=True):
    """What is sent for one fragment; `epoch` is set for a packet that works in one epoch only."""

    payload: bytes
    epoch: int | None


class Draft(msgspec.Struct, frozen=True):
    """An anonymous message before it is sealed."""

    message_id: str
    recipient: str
    kind: str
    mailbox: NodeId
    provider: NodeId
    sealing_key: bytes
    body: bytes


def find_by_key(connection: Connection, idempotency_key: str) -> tuple[str, bytes] | None:
    """Return the id and digest of the message that was queued with this key."""
    query = select(messages.c.message_id, messages.c.digest).where(messages.c.idempotency_key == idempotency_key)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.message_id, row.digest)


def insert_message(connection: Connection, message: NewMessage) -> MessageRow:
    """Queue a message; its fragments or its draft follow in the same transaction."""
    values = msgspec.structs.asdict(message) | {"sent": 0, "acknowledged": 0, "state": MessageState.QUEUED.value}
    row: MessageRow = connection.execute(insert(messages).values(values).returning(messages.c.id)).scalar_one()
    if message.form != RECEIPT:
        _insert_change(connection, row, StateChange(message.created_at_s, MessageState.QUEUED))
    return row


def insert_fragments(
    connection: Connection, row: MessageRow, payloads: Iterable[bytes], epochs: Sequence[int] | None = None
) -> None:
    """Store the fragments of a message, taking them from the iterable piece by piece."""
    numbered = enumerate(payloads)
    while batch := list(islice(numbered, INSERT_BATCH)):
        values = [
            {"message": row, "position": position, "epoch": epochs and epochs[position], "payload": payload}
            for position, payload in batch
        ]
        connection.execute(insert(fragments), values)


def insert_draft(connection: Connection, row: MessageRow, *, sealing_key: bytes, body: bytes) -> None:
    """Store an anonymous message that is sealed when it leaves."""
    connection.execute(insert(drafts).values(message=row, sealing_key=sealing_key, body=body))


def load_draft(connection: Connection, row: MessageRow) -> Draft | None:
    """Return the draft of a message, or None where it was sealed or given up."""
    query = select(
        messages.c.message_id,
        messages.c.recipient,
        messages.c.kind,
        messages.c.mailbox,
        messages.c.provider,
        drafts.c.sealing_key,
        drafts.c.body,
    ).join_from(drafts, messages)
    found = connection.execute(query.where(drafts.c.message == row)).one_or_none()
    return None if found is None else Draft(**found._mapping)


def delete_draft(connection: Connection, row: MessageRow, *, fragments_made: int) -> None:
    """Forget a draft whose fragments are stored now."""
    connection.execute(delete(drafts).where(drafts.c.message == row))
    connection.execute(update(messages).where(messages.c.id == row).values(fragments=fragments_made))


def unfinished(connection: Connection) -> list[UnfinishedMessage]:
    """Return all messages of which something may still be sent, oldest first."""
    query = select(messages).where(messages.c.finished_at_s.is_(None)).order_by(messages.c.id)
    waiting: dict[MessageRow, list[tuple[int, int | None]]] = {}
    columns = (fragments.c.message, fragments.c.position, fragments.c.epoch)
    for message, position, epoch in connection.execute(select(*columns).order_by(*columns[:2])):
        waiting.setdefault(message, []).append((position, epoch))
    for message, count in connection.execute(
        select(drafts.c.message, messages.c.fragments).join_from(drafts, messages)
    ):
        waiting[message] = [(position, None) for position in range(count)]
    draft_rows = set(connection.execute(select(drafts.c.message)).scalars())
    return [
        UnfinishedMessage(
            row=row.id,
            message_id=row.message_id,
            form=row.form,
            mailbox=row.mailbox,
            provider=row.provider,
            fragments=row.fragments,
            sent=row.sent,
            state=MessageState(row.state),
            not_before_s=row.not_before_s,
            give_up_at_s=row.give_up_at_s,
            is_draft=row.id in draft_rows,
            waiting=tuple(waiting.get(row.id, ())),
        )
        for row in connection.execute(query)
    ]


def load_fragments(
    connection: Connection, wanted: Sequence[tuple[MessageRow, int]]
) -> Mapping[tuple[MessageRow, int], StoredFragment]:
    """Return those of the wanted fragments that are still there."""
    key = tuple_(fragments.c.message, fragments.c.position)
    found = connection.execute(select(fragments).where(key.in_(wanted)))
    return {(row.message, row.position): StoredFragment(row.payload, row.epoch) for row in found}


def delete_fragments(connection: Connection, done: Sequence[tuple[MessageRow, int]]) -> None:
    """Forget fragments that are never sent again."""
    if done:
        where = and_(fragments.c.message == bindparam("of_message"), fragments.c.position == bindparam("at_position"))
        values = [{"of_message": row, "at_position": position} for row, position in done]
        connection.execute(delete(fragments).where(where), values)


def save_counts(connection: Connection, counts: Mapping[MessageRow, tuple[int, int]]) -> None:
    """Note how many fragments of each message were sent and acknowledged."""
    if counts:
        saved = update(messages).where(messages.c.id == bindparam("of_message"))
        values = [{"of_message": row, "sent": sent, "acknowledged": ack} for row, (sent, ack) in counts.items()]
        connection.execute(saved, values)


def save_change(connection: Connection, row: MessageRow, change: StateChange) -> None:
    """Note a change of a message's state; a finished one keeps no fragments."""
    changed = update(messages).where(messages.c.id == row).values(state=change.state.value).returning(messages.c.form)
    form = connection.execute(changed).scalar_one_or_none()
    if form is not None and form != RECEIPT:
        _insert_change(connection, row, change)
    if change.state in FINISHED:
        finish(connection, row, change.at_s)


def finish(connection: Connection, row: MessageRow, now_s: float) -> None:
    """Forget what would still be sent of a message."""
    connection.execute(delete(fragments).where(fragments.c.message == row))
    connection.execute(delete(drafts).where(drafts.c.message == row))
    connection.execute(update(messages).where(messages.c.id == row).values(finished_at_s=now_s))


def record_receipt(connection: Connection, message_id: str, *, identity: bytes, now_s: float) -> MessageRow | None:
    """Note a receipt for `message_id`, signed by `identity`, once; return the message's row, or None where none fits.

    A message that is not finished gets its change of state from its `Delivery`.
    """
    where = and_(messages.c.message_id == message_id, messages.c.mailbox == identity)
    found = connection.execute(select(messages.c.id, messages.c.state).where(where)).one_or_none()
    if found is None or found.state == MessageState.RECEIVED.value:
        return None
    row: MessageRow = found.id
    if MessageState(found.state) in FINISHED:
        change = StateChange(now_s, MessageState.RECEIVED, "the recipient has it")
        _insert_change(connection, row, change)
        connection.execute(update(messages).where(messages.c.id == row).values(state=change.state.value))
    return row


def outgoing_message(connection: Connection, message_id: str) -> tuple[MessageRow, OutgoingMessage] | None:
    """Return a message with its history."""
    found = connection.execute(select(messages).where(messages.c.message_id == message_id)).one_or_none()
    if found is None or found.form == RECEIPT:
        return None
    history = connection.execute(select(changes).where(changes.c.message == found.id).order_by(changes.c.number))
    return found.id, OutgoingMessage(
        message_id=message_id,
        to=found.recipient,
        kind=found.kind,
        length_bytes=found.length_bytes,
        state=MessageState(found.state),
        fragments=found.fragments,
        fragments_sent=found.sent,
        fragments_acknowledged=found.acknowledged,
        history=tuple(StateChange(change.at_s, MessageState(change.state), change.detail) for change in history),
    )


def changes_after(connection: Connection, *, after: int, limit: int) -> list[NumberedChange]:
    """Return the changes with a number over `after`, oldest first."""
    query = (
        select(changes, messages.c.message_id, messages.c.recipient, messages.c.kind)
        .join_from(changes, messages)
        .where(changes.c.number > after)
        .order_by(changes.c.number)
        .limit(limit)
    )
    return [
        NumberedChange(
            number=row.number,
            message_id=row.message_id,
            to=row.recipient,
            kind=row.kind,
            at_s=row.at_s,
            state=MessageState(row.state),
            detail=row.detail,
        )
        for row in connection.execute(query)
    ]


def newest_change(connection: Connection) -> int:
    """Return the number of the newest change, 0 where there is none."""
    return connection.execute(select(func.max(changes.c.number))).scalar_one() or 0


def queue_size(connection: Connection) -> tuple[int, int]:
    """Return how many messages are unfinished, and how many of their fragments are not acknowledged (or a few less)."""
    left = func.coalesce(func.sum(messages.c.fragments - messages.c.acknowledged), 0)
    row = connection.execute(select(func.count(), left).where(messages.c.finished_at_s.is_(None))).one()
    return row[0], row[1]


def prune(connection: Connection, before_s: float) -> None:
    """Forget messages that were finished before `before_s`, except the newest change, whose number must not return."""
    old = and_(messages.c.finished_at_s.is_not(None), messages.c.finished_at_s < before_s)
    newest = select(changes.c.message).order_by(changes.c.number.desc()).limit(1).scalar_subquery()
    connection.execute(delete(messages).where(old, or_(newest.is_(None), messages.c.id != newest)))


def _insert_change(connection: Connection, row: MessageRow, change: StateChange) -> None:
    values = {"message": row, "at_s": change.at_s, "state": change.state.value, "detail": change.detail}
    connection.execute(insert(changes).values(values))

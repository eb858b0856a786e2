"""Outgoing messages in the store: their fragments, drafts and history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, insert, select, tuple_, update

from client.api import MessageState, NumberedChange, OutgoingMessage, StateChange
from client.core.delivery import FINISHED
from client.store.schema import changes, drafts, fragments, messages, newest_number
from loopixmix.seams import Identity

INSERT_BATCH = 256
KEYS_BATCH = 1000
SIGNED, ANONYMOUS, REPLY, RECEIPT = "signed", "anonymous", "reply", "receipt"
"""The forms of an outgoing message. A receipt is ours, not the user's: it has no history."""

MessageRow: TypeAlias = int
"""A message's place in the store."""

FragmentPlace: TypeAlias = tuple[MessageRow, int]
"""A fragment's place in the store: its message, and its position there."""

# The statements are built once: SQLAlchemy takes longer to build one anew than SQLite takes to carry it out.
_OF_MESSAGE: BindParameter[int] = bindparam("of_message")
_FIND_BY_KEY = select(messages.c.message_id, messages.c.digest).where(messages.c.idempotency_key == bindparam("of_key"))
_FIND_BY_KEYS = select(messages.c.idempotency_key, messages.c.message_id, messages.c.digest).where(
    messages.c.idempotency_key.in_(bindparam("keys", expanding=True))
)
_INSERT_MESSAGE = insert(messages).returning(messages.c.id)
_INSERT_MESSAGES = insert(messages)
_LAST_ROW = select(func.coalesce(func.max(messages.c.id), 0))
_INSERT_CHANGE = insert(changes)
_INSERT_FRAGMENT = insert(fragments)
_INSERT_DRAFT = insert(drafts)
_LOAD_DRAFT = (
    select(
        messages.c.message_id,
        messages.c.form,
        messages.c.recipient,
        messages.c.kind,
        messages.c.mailbox,
        messages.c.provider,
        drafts.c.body,
    )
    .join_from(drafts, messages)
    .where(drafts.c.message == _OF_MESSAGE)
)
_DELETE_DRAFT = delete(drafts).where(drafts.c.message == _OF_MESSAGE)
_DELETE_FRAGMENTS = delete(fragments).where(fragments.c.message == _OF_MESSAGE)
_DELETE_FRAGMENT = _DELETE_FRAGMENTS.where(fragments.c.position == bindparam("at_position"))
_THIS_MESSAGE = update(messages).where(messages.c.id == _OF_MESSAGE)
_SAVE_FRAGMENTS_MADE = _THIS_MESSAGE.values(fragments=bindparam("made"))
_SAVE_COUNTS = _THIS_MESSAGE.values(sent=bindparam("now_sent"), acknowledged=bindparam("now_acknowledged"))
_SAVE_STATE = _THIS_MESSAGE.values(state=bindparam("new_state"))
_SAVE_STATE_OF_FORM = _SAVE_STATE.returning(messages.c.form)
_FINISH = _THIS_MESSAGE.values(finished_at_s=bindparam("now_s"))
_UNFINISHED = select(messages).where(messages.c.finished_at_s.is_(None)).order_by(messages.c.id)
_WAITING = select(fragments.c.message, fragments.c.position, fragments.c.epoch).order_by(
    fragments.c.message, fragments.c.position
)
_DRAFTS = select(drafts.c.message, messages.c.fragments).join_from(drafts, messages)
_LOAD_FRAGMENTS = select(fragments).where(
    tuple_(fragments.c.message, fragments.c.position).in_(bindparam("wanted", expanding=True))
)
_FIND_FOR_RECEIPT = select(messages.c.id, messages.c.state).where(
    messages.c.message_id == bindparam("of_id"), messages.c.mailbox == bindparam("of_identity")
)
_FIND_BY_ID = select(messages).where(messages.c.message_id == bindparam("of_id"))
# By the number of the step with which each was queued: rows of deleted messages are given to others, numbers never.
_QUEUED_AFTER = (
    select(messages)
    .join_from(changes, messages)
    .where(changes.c.number > bindparam("after"), changes.c.state == MessageState.QUEUED.value)
    .order_by(changes.c.number)
    .limit(bindparam("count"))
)
_HISTORIES = select(changes).where(changes.c.message.in_(bindparam("rows", expanding=True))).order_by(changes.c.number)
_CHANGES_AFTER = (
    select(changes, messages.c.message_id, messages.c.recipient, messages.c.kind)
    .join_from(changes, messages)
    .where(changes.c.number > bindparam("after"))
    .order_by(changes.c.number)
    .limit(bindparam("count"))
)
_NEWEST_CHANGE = newest_number(changes)
_QUEUE_SIZE = select(func.count(), func.coalesce(func.sum(messages.c.fragments - messages.c.acknowledged), 0)).where(
    messages.c.finished_at_s.is_(None)
)
_PRUNE = delete(messages).where(messages.c.finished_at_s.is_not(None), messages.c.finished_at_s < bindparam("before_s"))
_COUNT_ENDED = select(func.count()).where(messages.c.finished_at_s.is_not(None))
_FIRST_ENDED = (
    select(messages.c.id)
    .where(messages.c.finished_at_s.is_not(None))
    .order_by(messages.c.finished_at_s)
    .limit(bindparam("count"))
)
_PRUNE_FIRST = delete(messages).where(messages.c.id.in_(_FIRST_ENDED.scalar_subquery()))
_FIND_ENDED = select(messages.c.form, messages.c.finished_at_s).where(messages.c.message_id == bindparam("of_id"))
_DELETE_MESSAGE = delete(messages).where(messages.c.message_id == bindparam("of_id"))


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is queued."""

    message_id: str
    idempotency_key: str | None
    digest: bytes
    form: str
    recipient: str
    kind: str
    length_bytes: int
    mailbox: Identity
    provider: Identity
    fragments: int
    created_at_s: float
    not_before_s: float
    """The moment at which it begins to leave; 0 if that is at once."""
    give_up_at_s: float
    deadline_s: float | None


class NewDraft(msgspec.Struct, frozen=True):
    """A message that is queued before it is sealed."""

    message: NewMessage
    body: bytes


class UnfinishedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is still to be sent, or to be acknowledged."""

    row: MessageRow
    message_id: str
    form: str
    mailbox: Identity
    provider: Identity
    fragments: int
    sent: int
    state: MessageState
    not_before_s: float
    give_up_at_s: float
    deadline_s: float | None
    is_draft: bool
    waiting: tuple[tuple[int, int | None], ...]
    """Fragments not acknowledged: the position of each, and the epoch in which it can be sent if only in one."""


class StoredFragment(msgspec.Struct, frozen=True):
    """The bytes to send for one fragment; `epoch` is set for a packet that works in one epoch only."""

    payload: bytes
    epoch: int | None


class Draft(msgspec.Struct, frozen=True):
    """A message before it is sealed; `mailbox` is the identity that its contact had when it was queued."""

    message_id: str
    form: str
    recipient: str
    kind: str
    mailbox: Identity
    provider: Identity
    body: bytes


def find_by_key(connection: Connection, idempotency_key: str) -> tuple[str, bytes] | None:
    """Return the id and digest of the message that was queued with this key."""
    row = connection.execute(_FIND_BY_KEY, {"of_key": idempotency_key}).one_or_none()
    return None if row is None else (row.message_id, row.digest)


def find_by_keys(connection: Connection, keys: Sequence[str]) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Yield the key, id and digest of each message that was queued with one of these keys."""
    for start in range(0, len(keys), KEYS_BATCH):
        for row in connection.execute(_FIND_BY_KEYS, {"keys": keys[start : start + KEYS_BATCH]}):
            yield row.idempotency_key, (row.message_id, row.digest)


def insert_message(connection: Connection, message: NewMessage) -> MessageRow:
    """Queue a message; its fragments or its draft follow in the same transaction."""
    row: MessageRow = connection.execute(_INSERT_MESSAGE, _values_of(message)).scalar_one()
    if message.form != RECEIPT:
        _insert_change(connection, row, StateChange(message.created_at_s, MessageState.QUEUED))
    return row


def insert_fragments(
    connection: Connection, row: MessageRow, payloads: Iterable[bytes], epochs: Sequence[int] | None = None
) -> None:
    """Store the fragments of a message, taking them from the iterable piece by piece."""
    # Batch by batch: a long message has thousands of fragments, and is never in memory twice.
    numbered = enumerate(payloads)
    while batch := list(islice(numbered, INSERT_BATCH)):
        values = [
            {"message": row, "position": position, "epoch": epochs and epochs[position], "payload": payload}
            for position, payload in batch
        ]
        connection.execute(_INSERT_FRAGMENT, values)


def insert_drafts(connection: Connection, new: Sequence[NewDraft]) -> Sequence[MessageRow]:
    """Queue messages that are sealed when they leave; return their rows."""
    if not new:
        return ()
    # Numbered here: to ask for the number that each got, SQLAlchemy would insert them one by one.
    first = connection.execute(_LAST_ROW).scalar_one() + 1
    rows = range(first, first + len(new))
    numbered = list(zip(rows, new, strict=True))
    connection.execute(_INSERT_MESSAGES, [_values_of(draft.message) | {"id": row} for row, draft in numbered])
    state = MessageState.QUEUED.value
    queued = [
        {"message": row, "at_s": each.message.created_at_s, "state": state, "detail": ""} for row, each in numbered
    ]
    connection.execute(_INSERT_CHANGE, queued)
    connection.execute(_INSERT_DRAFT, [{"message": row, "body": draft.body} for row, draft in numbered])
    return rows


def load_draft(connection: Connection, row: MessageRow) -> Draft | None:
    """Return the draft of a message, or None if it was sealed or given up."""
    found = connection.execute(_LOAD_DRAFT, {"of_message": row}).one_or_none()
    return None if found is None else Draft(**found._mapping)


def delete_draft(connection: Connection, row: MessageRow, *, fragments_made: int) -> None:
    """Forget a draft whose fragments are stored now."""
    connection.execute(_DELETE_DRAFT, {"of_message": row})
    connection.execute(_SAVE_FRAGMENTS_MADE, {"of_message": row, "made": fragments_made})


def unfinished(connection: Connection) -> list[UnfinishedMessage]:
    """Return all messages of which something may still be sent, oldest first."""
    waiting: dict[MessageRow, list[tuple[int, int | None]]] = {}
    for message, position, epoch in connection.execute(_WAITING):
        waiting.setdefault(message, []).append((position, epoch))
    draft_rows = set()
    for message, count in connection.execute(_DRAFTS):
        draft_rows.add(message)
        waiting[message] = [(position, None) for position in range(count)]
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
            deadline_s=row.deadline_s,
            is_draft=row.id in draft_rows,
            waiting=tuple(waiting.get(row.id, ())),
        )
        for row in connection.execute(_UNFINISHED)
    ]


def load_fragments(connection: Connection, wanted: Sequence[FragmentPlace]) -> Mapping[FragmentPlace, StoredFragment]:
    """Return those of the wanted fragments that are still there."""
    found = connection.execute(_LOAD_FRAGMENTS, {"wanted": list(wanted)})
    return {(row.message, row.position): StoredFragment(row.payload, row.epoch) for row in found}


def delete_fragments(connection: Connection, done: Sequence[FragmentPlace]) -> None:
    """Forget fragments that are never sent again."""
    if done:
        values = [{"of_message": row, "at_position": position} for row, position in done]
        connection.execute(_DELETE_FRAGMENT, values)


def save_counts(connection: Connection, counts: Mapping[MessageRow, tuple[int, int]]) -> None:
    """Note how many fragments of each message were sent and acknowledged."""
    if counts:
        values = [
            {"of_message": row, "now_sent": sent, "now_acknowledged": acknowledged}
            for row, (sent, acknowledged) in counts.items()
        ]
        connection.execute(_SAVE_COUNTS, values)


def save_change(connection: Connection, row: MessageRow, change: StateChange) -> None:
    """Note a change of a message's state; a finished one keeps no fragments."""
    saved = {"of_message": row, "new_state": change.state.value}
    form = connection.execute(_SAVE_STATE_OF_FORM, saved).scalar_one_or_none()
    if form is not None and form != RECEIPT:
        _insert_change(connection, row, change)
    if change.state in FINISHED:
        finish(connection, row, change.at_s)


def finish(connection: Connection, row: MessageRow, now_s: float) -> None:
    """Forget what would still be sent of a message."""
    connection.execute(_DELETE_FRAGMENTS, {"of_message": row})
    connection.execute(_DELETE_DRAFT, {"of_message": row})
    connection.execute(_FINISH, {"of_message": row, "now_s": now_s})


def record_receipt(connection: Connection, message_id: str, *, identity: Identity, now_s: float) -> MessageRow | None:
    """Note a receipt for `message_id`, signed by `identity`, once; return the message's row, or None if none fits.

    A message that is not finished gets its change of state from its `Delivery`.
    """
    proven = {"of_id": message_id, "of_identity": identity}
    found = connection.execute(_FIND_FOR_RECEIPT, proven).one_or_none()
    if found is None or found.state == MessageState.RECEIVED.value:
        return None
    row: MessageRow = found.id
    if MessageState(found.state) in FINISHED:
        change = StateChange(now_s, MessageState.RECEIVED, "the recipient has it")
        _insert_change(connection, row, change)
        connection.execute(_SAVE_STATE, {"of_message": row, "new_state": change.state.value})
    return row


def outgoing_message(connection: Connection, message_id: str) -> tuple[MessageRow, OutgoingMessage] | None:
    """Return a message with its history."""
    found = connection.execute(_FIND_BY_ID, {"of_id": message_id}).one_or_none()
    if found is None or found.form == RECEIPT:
        return None
    return _with_histories(connection, [found])[0]


def outgoing_after(connection: Connection, *, after: int, limit: int) -> list[tuple[MessageRow, OutgoingMessage]]:
    """Return messages with a number over `after`, oldest first, each with its history."""
    return _with_histories(connection, connection.execute(_QUEUED_AFTER, {"after": after, "count": limit}).all())


def changes_after(connection: Connection, *, after: int, limit: int) -> list[NumberedChange]:
    """Return the changes with a number over `after`, oldest first."""
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
        for row in connection.execute(_CHANGES_AFTER, {"after": after, "count": limit})
    ]


def newest_change(connection: Connection) -> int:
    """Return the number of the newest change, forgotten or not; 0 if there was none."""
    return connection.execute(_NEWEST_CHANGE).scalar() or 0


def queue_size(connection: Connection) -> tuple[int, int]:
    """Return how many messages are unfinished, and how many of their fragments are not acknowledged (or a few less)."""
    # Counted by what messages say of themselves: a draft has no fragments in the store yet.
    row = connection.execute(_QUEUE_SIZE).one()
    return row[0], row[1]


def prune(connection: Connection, *, before_s: float, most: int, limit: int) -> None:
    """Forget messages that were finished before `before_s`, and beyond `most` those that were finished first.

    Of the latter, at most `limit` at once.
    """
    connection.execute(_PRUNE, {"before_s": before_s})
    too_many = connection.execute(_COUNT_ENDED).scalar_one() - most
    if too_many > 0:
        connection.execute(_PRUNE_FIRST, {"count": min(too_many, limit)})


def delete_ended(connection: Connection, message_id: str) -> bool | None:
    """Forget a message of which nothing is sent any more.

    Returns whether it was; None if there is no such message.
    """
    found = connection.execute(_FIND_ENDED, {"of_id": message_id}).one_or_none()
    if found is None or found.form == RECEIPT:
        return None
    if found.finished_at_s is None:
        return False
    connection.execute(_DELETE_MESSAGE, {"of_id": message_id})
    return True


def _with_histories(connection: Connection, found: Sequence[Row[Any]]) -> list[tuple[MessageRow, OutgoingMessage]]:
    histories: dict[MessageRow, list[Row[Any]]] = {row.id: [] for row in found}
    for change in connection.execute(_HISTORIES, {"rows": list(histories)}):
        histories[change.message].append(change)
    return [(row.id, _message_in(row, histories[row.id])) for row in found]


def _message_in(row: Row[Any], history: Sequence[Row[Any]]) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=row.message_id,
        to=row.recipient,
        kind=row.kind,
        length_bytes=row.length_bytes,
        state=MessageState(row.state),
        fragments=row.fragments,
        fragments_sent=row.sent,
        fragments_acknowledged=row.acknowledged,
        history=tuple(StateChange(change.at_s, MessageState(change.state), change.detail) for change in history),
        leaves_at_s=row.not_before_s or None,
        deadline_s=row.deadline_s,
        number=history[0].number if history else 0,
    )


def _values_of(message: NewMessage) -> dict[str, object]:
    return msgspec.structs.asdict(message) | {"sent": 0, "acknowledged": 0, "state": MessageState.QUEUED.value}


def _insert_change(connection: Connection, row: MessageRow, change: StateChange) -> None:
    values = {"message": row, "at_s": change.at_s, "state": change.state.value, "detail": change.detail}
    connection.execute(_INSERT_CHANGE, values)

"""Reply blocks in the store: those that anonymous senders gave us, and those that we gave out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from client.core.content import ReplyBlock
from client.core.replies import ReplyFragment
from client.store.schema import handed_blocks, handed_groups, reply_blocks, reply_fragments, reply_groups


class HeldBlock(msgspec.Struct, frozen=True):
    """A reply block that we may use once."""

    number: int
    epoch: int
    surb: bytes


class HandedBlock(msgspec.Struct, frozen=True):
    """A reply block that we gave out, with what opens the reply."""

    group: int
    number: int
    contact: str
    identity: bytes
    reply_key: bytes
    surb_keys: bytes


class CompleteReply(msgspec.Struct, frozen=True):
    """A reply of which all fragments are here."""

    sequence: int
    message_id: bytes
    parts: tuple[bytes, ...]
    received_at_s: float


def keep_blocks(
    connection: Connection, reply_to: str, *, reply_key: bytes, blocks: Sequence[ReplyBlock], expires_at_s: float
) -> None:
    """Keep the reply blocks of an anonymous message that is new."""
    group = {"reply_to": reply_to, "reply_key": reply_key, "next_sequence": 0, "expires_at_s": expires_at_s}
    connection.execute(insert(reply_groups).values(group))
    for number, block in enumerate(blocks):
        values = {"reply_to": reply_to, "number": number, "epoch": block.epoch, "surb": block.surb}
        connection.execute(insert(reply_blocks).values(values))


def find_group(connection: Connection, reply_to: str) -> tuple[bytes, int] | None:
    """Return the reply key of an anonymous sender and the number of the next reply to it."""
    query = select(reply_groups.c.reply_key, reply_groups.c.next_sequence).where(reply_groups.c.reply_to == reply_to)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.reply_key, row.next_sequence)


def usable_blocks(connection: Connection, reply_to: str, *, from_epoch: int) -> list[HeldBlock]:
    """Return the blocks that are left and do not work in the past only, those that end first at the front."""
    where = and_(reply_blocks.c.reply_to == reply_to, reply_blocks.c.epoch >= from_epoch)
    rows = connection.execute(select(reply_blocks).where(where).order_by(reply_blocks.c.epoch, reply_blocks.c.number))
    return [HeldBlock(row.number, row.epoch, row.surb) for row in rows]


def use_blocks(connection: Connection, reply_to: str, numbers: Sequence[int]) -> None:
    """Forget blocks that a reply takes, and count the reply."""
    where = and_(reply_blocks.c.reply_to == reply_to, reply_blocks.c.number.in_(numbers))
    connection.execute(delete(reply_blocks).where(where))
    counted = update(reply_groups).where(reply_groups.c.reply_to == reply_to)
    connection.execute(counted.values(next_sequence=reply_groups.c.next_sequence + 1))


def hand_out(
    connection: Connection,
    *,
    contact: str,
    identity: bytes,
    reply_key: bytes,
    blocks: Sequence[tuple[bytes, bytes]],
    expires_at_s: float,
) -> None:
    """Remember the (id, keys) of reply blocks before they leave in an anonymous message."""
    group = {"contact": contact, "identity": identity, "reply_key": reply_key, "next_sequence": 0}
    inserted = insert(handed_groups).values(group | {"expires_at_s": expires_at_s}).returning(handed_groups.c.id)
    group_id: int = connection.execute(inserted).scalar_one()
    for number, (surb_id, keys) in enumerate(blocks):
        values = {"surb_id": surb_id, "group": group_id, "number": number, "surb_keys": keys}
        connection.execute(insert(handed_blocks).values(values))


def find_handed(connection: Connection, surb_id: bytes) -> HandedBlock | None:
    """Return the reply block of this id that has not come back yet."""
    columns = (
        handed_blocks.c.group,
        handed_blocks.c.number,
        handed_groups.c.contact,
        handed_groups.c.identity,
        handed_groups.c.reply_key,
        handed_blocks.c.surb_keys,
    )
    query = select(*columns).join_from(handed_blocks, handed_groups).where(handed_blocks.c.surb_id == surb_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else HandedBlock(*row)


def add_reply(
    connection: Connection, block: HandedBlock, surb_id: bytes, fragment: ReplyFragment, now_s: float
) -> None:
    """Keep a fragment of a reply; the block it came by is used up."""
    connection.execute(delete(handed_blocks).where(handed_blocks.c.surb_id == surb_id))
    values = {
        "group": block.group,
        "sequence": fragment.sequence,
        "position": fragment.index,
        "total": fragment.count,
        "message_id": fragment.message_id,
        "received_at_s": now_s,
        "data": fragment.data,
    }
    connection.execute(insert_or(reply_fragments).values(values).on_conflict_do_nothing())


def waiting_replies(connection: Connection, group: int) -> tuple[int, list[CompleteReply]]:
    """Return the number of the reply whose turn it is, and the replies that are complete, in order."""
    query = select(handed_groups.c.next_sequence).where(handed_groups.c.id == group)
    next_sequence: int = connection.execute(query).scalar_one()
    where = and_(reply_fragments.c.group == group, reply_fragments.c.sequence >= next_sequence)
    rows = connection.execute(
        select(reply_fragments).where(where).order_by(reply_fragments.c.sequence, reply_fragments.c.position)
    ).all()
    complete = []
    for sequence in sorted({row.sequence for row in rows}):
        parts = [row for row in rows if row.sequence == sequence]
        if len(parts) == parts[0].total == parts[-1].position + 1:
            newest_s = max(row.received_at_s for row in parts)
            data = tuple(row.data for row in parts)
            complete.append(CompleteReply(sequence, parts[0].message_id, data, newest_s))
    return next_sequence, complete


def pass_reply(connection: Connection, group: int, sequence: int) -> None:
    """Forget a reply that was handed over, and everything before it: its turn is over."""
    where = and_(reply_fragments.c.group == group, reply_fragments.c.sequence <= sequence)
    connection.execute(delete(reply_fragments).where(where))
    turned = update(handed_groups).where(handed_groups.c.id == group).values(next_sequence=sequence + 1)
    connection.execute(turned)


def groups_with_replies(connection: Connection) -> list[int]:
    """Return our anonymous messages for which replies wait."""
    return list(connection.execute(select(reply_fragments.c.group).distinct()).scalars())


def contact_of(connection: Connection, group: int) -> tuple[str, bytes]:
    """Return whom an anonymous message of ours was for: the address and the identity key."""
    row = connection.execute(select(handed_groups).where(handed_groups.c.id == group)).one()
    return row.contact, row.identity


def blocks_left(connection: Connection, reply_to: str) -> int:
    """Return how many reply blocks of an anonymous sender are left."""
    query = select(func.count()).where(reply_blocks.c.reply_to == reply_to)
    return connection.execute(query).scalar_one()


def expire(connection: Connection, now_s: float) -> None:
    """Forget reply blocks that work no more, on both sides."""
    connection.execute(delete(reply_groups).where(reply_groups.c.expires_at_s < now_s))
    connection.execute(delete(handed_groups).where(handed_groups.c.expires_at_s < now_s))

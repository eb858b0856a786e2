"""Reply blocks in the store: those that anonymous senders gave us, and those that we gave out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from client.core.content import ReplyBlock
from client.core.replies import ReplyFragment
from client.store.schema import handed_blocks, handed_groups, reply_blocks, reply_fragments, reply_groups
from loopixmix.seams import Identity

# The statements are built once: SQLAlchemy takes longer to build one anew than SQLite takes to carry it out.
_REPLY_TO: BindParameter[str] = bindparam("to")
_GROUP: BindParameter[int] = bindparam("of_group")
_KEEP_GROUP = insert(reply_groups)
_KEEP_BLOCK = insert(reply_blocks)
_FIND_GROUP = select(reply_groups.c.reply_key, reply_groups.c.next_sequence).where(reply_groups.c.reply_to == _REPLY_TO)
_USABLE = (
    select(reply_blocks)
    .where(reply_blocks.c.reply_to == _REPLY_TO, reply_blocks.c.epoch >= bindparam("from_epoch"))
    .order_by(reply_blocks.c.epoch, reply_blocks.c.number)
)
_USE = delete(reply_blocks).where(
    reply_blocks.c.reply_to == _REPLY_TO, reply_blocks.c.number.in_(bindparam("numbers", expanding=True))
)
_COUNT_REPLY = (
    update(reply_groups)
    .where(reply_groups.c.reply_to == _REPLY_TO)
    .values(next_sequence=reply_groups.c.next_sequence + 1)
)
_HAND_OUT_GROUP = insert(handed_groups).returning(handed_groups.c.id)
_HAND_OUT_BLOCK = insert(handed_blocks)
_FIND_HANDED = (
    select(
        handed_blocks.c.group,
        handed_blocks.c.number,
        handed_groups.c.contact,
        handed_groups.c.identity,
        handed_groups.c.reply_key,
        handed_blocks.c.surb_keys,
    )
    .join_from(handed_blocks, handed_groups)
    .where(handed_blocks.c.surb_id == bindparam("of_surb"))
)
_USE_UP = delete(handed_blocks).where(handed_blocks.c.surb_id == bindparam("of_surb"))
_ADD_FRAGMENT = insert_or(reply_fragments).on_conflict_do_nothing()
_HANDED_GROUP = select(handed_groups).where(handed_groups.c.id == _GROUP)
_WAITING_FRAGMENTS = (
    select(reply_fragments)
    .where(reply_fragments.c.group == _GROUP, reply_fragments.c.sequence >= bindparam("from_sequence"))
    .order_by(reply_fragments.c.sequence, reply_fragments.c.position)
)
_PASS_FRAGMENTS = delete(reply_fragments).where(
    reply_fragments.c.group == _GROUP, reply_fragments.c.sequence <= bindparam("up_to")
)
_TURN = update(handed_groups).where(handed_groups.c.id == _GROUP).values(next_sequence=bindparam("next"))
_GROUPS_WITH_REPLIES = select(reply_fragments.c.group).distinct()
_FORGET_GROUP = delete(reply_groups).where(reply_groups.c.reply_to == bindparam("of_reply_to"))
_EXPIRE_HELD = delete(reply_groups).where(reply_groups.c.expires_at_s < bindparam("now_s"))
_EXPIRE_HANDED = delete(handed_groups).where(handed_groups.c.expires_at_s < bindparam("now_s"))


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
    identity: Identity
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
    connection.execute(_KEEP_GROUP, group)
    values = [
        {"reply_to": reply_to, "number": number, "epoch": block.epoch, "surb": block.surb}
        for number, block in enumerate(blocks)
    ]
    if values:
        connection.execute(_KEEP_BLOCK, values)


def find_group(connection: Connection, reply_to: str) -> tuple[bytes, int] | None:
    """Return the reply key of an anonymous sender and the number of the next reply to it."""
    row = connection.execute(_FIND_GROUP, {"to": reply_to}).one_or_none()
    return None if row is None else (row.reply_key, row.next_sequence)


def forget_group(connection: Connection, reply_to: str) -> None:
    """Forget how an anonymous sender can be answered."""
    connection.execute(_FORGET_GROUP, {"of_reply_to": reply_to})


def usable_blocks(connection: Connection, reply_to: str, *, from_epoch: int) -> list[HeldBlock]:
    """Return the blocks that are left and do not work in the past only, those that end first at the front."""
    rows = connection.execute(_USABLE, {"to": reply_to, "from_epoch": from_epoch})
    return [HeldBlock(row.number, row.epoch, row.surb) for row in rows]


def use_blocks(connection: Connection, reply_to: str, numbers: Sequence[int]) -> None:
    """Forget blocks that a reply takes, and count the reply."""
    connection.execute(_USE, {"to": reply_to, "numbers": list(numbers)})
    connection.execute(_COUNT_REPLY, {"to": reply_to})


def hand_out(
    connection: Connection,
    *,
    contact: str,
    identity: Identity,
    reply_key: bytes,
    blocks: Sequence[tuple[bytes, bytes]],
    expires_at_s: float,
) -> None:
    """Remember the (id, keys) of reply blocks before they leave in an anonymous message."""
    group = {
        "contact": contact,
        "identity": identity,
        "reply_key": reply_key,
        "next_sequence": 0,
        "expires_at_s": expires_at_s,
    }
    group_id: int = connection.execute(_HAND_OUT_GROUP, group).scalar_one()
    values = [
        {"surb_id": surb_id, "group": group_id, "number": number, "surb_keys": keys}
        for number, (surb_id, keys) in enumerate(blocks)
    ]
    if values:
        connection.execute(_HAND_OUT_BLOCK, values)


def find_handed(connection: Connection, surb_id: bytes) -> HandedBlock | None:
    """Return the reply block of this id that has not come back yet."""
    row = connection.execute(_FIND_HANDED, {"of_surb": surb_id}).one_or_none()
    return None if row is None else HandedBlock(*row)


def add_reply(
    connection: Connection, block: HandedBlock, surb_id: bytes, fragment: ReplyFragment, now_s: float
) -> None:
    """Keep a fragment of a reply; the block it came by is used up."""
    connection.execute(_USE_UP, {"of_surb": surb_id})
    values = {
        "group": block.group,
        "sequence": fragment.sequence,
        "position": fragment.index,
        "total": fragment.count,
        "message_id": fragment.message_id,
        "received_at_s": now_s,
        "data": fragment.data,
    }
    connection.execute(_ADD_FRAGMENT, values)


def waiting_replies(connection: Connection, group: int) -> tuple[int, list[CompleteReply]]:
    """Return the number of the reply whose turn it is, and the replies that are complete, in order."""
    next_sequence: int = connection.execute(_HANDED_GROUP, {"of_group": group}).one().next_sequence
    rows = connection.execute(_WAITING_FRAGMENTS, {"of_group": group, "from_sequence": next_sequence}).all()
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
    connection.execute(_PASS_FRAGMENTS, {"of_group": group, "up_to": sequence})
    connection.execute(_TURN, {"of_group": group, "next": sequence + 1})


def groups_with_replies(connection: Connection) -> list[int]:
    """Return our anonymous messages for which replies wait."""
    return list(connection.execute(_GROUPS_WITH_REPLIES).scalars())


def contact_of(connection: Connection, group: int) -> tuple[str, bytes]:
    """Return the recipient of an anonymous message of ours: the address and the identity key."""
    row = connection.execute(_HANDED_GROUP, {"of_group": group}).one()
    return row.contact, row.identity


def expire(connection: Connection, now_s: float) -> None:
    """Forget reply blocks that work no more, on both sides."""
    connection.execute(_EXPIRE_HELD, {"now_s": now_s})
    connection.execute(_EXPIRE_HANDED, {"now_s": now_s})

"""Anonymous messages, which carry blocks to reply by, and replies, which use them up. Runs where the store is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import Letter, TooLongError, UnknownContactError
from client.core.content import (
    MESSAGE_ID_BYTES,
    REPLY_KEY_BYTES,
    AnonymousMessage,
    ReplyBlock,
    encode_anonymous,
)
from client.core.packets import PacketMaker
from client.core.replies import ReplyMessage, reply_data_bytes, seal_reply, split_reply
from client.core.settings import DAY_S
from client.link.session import Membership
from client.sending.letters import MessageSize, Posted, Recipient, Room, Writer, unfinished
from client.store import outgoing, replies
from client.store.outgoing import REPLY, Draft
from client.store.replies import HeldBlock
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.sphinx import decode_surb, use_surb

REPLY_OVERHEAD_BYTES = 24
"""A kind of usual length, and what MessagePack tells of it and of the body."""
REPLY_WAITS_S = 60 * DAY_S
"""How long a reply may wait in the mailbox after its block was used: longer than any mailbox keeps it."""


@dataclass(frozen=True)
class AnonymousPoster:
    """Encodes anonymous messages, and stores replies."""

    writer: Writer

    def encode_draft(self, connection: Connection, draft: Draft, maker: PacketMaker, now_s: float) -> bytes:
        """Return an anonymous message with reply blocks that work now, and store the keys of these."""
        epochs = _reply_epochs(maker, now_s, self.writer.settings.reply_blocks)
        made = [maker.reply_block(draft.provider, epoch=epoch, now_s=now_s) for epoch in epochs]
        message = AnonymousMessage(
            bytes.fromhex(draft.message_id),
            draft.kind,
            draft.body,
            self.writer.rng.randbytes(REPLY_KEY_BYTES),
            tuple(ReplyBlock(epoch, block.surb.encode()) for epoch, block in zip(epochs, made, strict=True)),
        )
        # In the transaction that stores the fragments: were the keys written later, a crash between would send a
        # message whose answers could not be opened.
        replies.hand_out(
            connection,
            contact=draft.recipient,
            identity=draft.mailbox,
            reply_key=message.reply_key,
            blocks=[(block.surb_id, block.keys.encode()) for block in made],
            expires_at_s=_last_use_s(epochs, maker.document.params) + REPLY_WAITS_S,
        )
        return encode_anonymous(message)

    def post_reply(
        self, connection: Connection, letter: Letter, member: Membership, *, room: Room, now_s: float
    ) -> Posted:
        """Store a reply as the packets it goes out in, and use up the blocks they take."""
        group = replies.find_group(connection, letter.to)
        if group is None:
            raise UnknownContactError("that way to reply is not known, or has expired")
        reply_key, sequence = group
        message_id = self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        geometry, params = member.sphinx.geometry, member.params
        parts = split_reply(
            ReplyMessage(letter.kind, letter.body),
            message_id=message_id,
            sequence=sequence,
            payload_bytes=geometry.payload_bytes,
        )
        leaves_at_s = self.writer.leaves_at_s(letter, len(parts), member, now_s)
        # Used up in the transaction that stores the packets: a block used twice makes a replay, which mixes drop.
        first_epoch = epoch_at(max(now_s, leaves_at_s), params.epoch_length_s)
        blocks = self._take_blocks(connection, letter.to, len(parts), first_epoch)
        packets = [
            use_surb(
                decode_surb(block.surb, geometry),
                seal_reply(part, reply_key=reply_key, number=block.number, payload_bytes=geometry.payload_bytes),
                sphinx=member.sphinx,
            )
            for part, block in zip(parts, blocks, strict=True)
        ]
        epochs = [block.epoch for block in blocks]
        room.take(len(parts))
        # Where it goes only the blocks know, and they are sealed; the store wants some recipient.
        new = self.writer.new_message(
            letter,
            Recipient(bytes(32), member.account.provider, b""),
            REPLY,
            message_id=message_id,
            fragments=len(parts),
            now_s=now_s,
            leaves_at_s=leaves_at_s,
        )
        new = msgspec.structs.replace(new, give_up_at_s=min(new.give_up_at_s, _last_use_s(epochs, params)))
        row = outgoing.insert_message(connection, new)
        outgoing.insert_fragments(connection, row, packets, epochs)
        return Posted(new.message_id, unfinished(row, new, epochs))

    def reply_size(
        self, connection: Connection, body_bytes: int, reply_to: str, member: Membership, *, now_s: float
    ) -> MessageSize:
        """Return how much a reply would be; raises as `post_reply`."""
        if replies.find_group(connection, reply_to) is None:
            raise UnknownContactError("that way to reply is not known, or has expired")
        params = member.params
        count = -(-(body_bytes + REPLY_OVERHEAD_BYTES) // reply_data_bytes(params.payload_bytes))
        blocks = self._usable_blocks(connection, reply_to, count, epoch_at(now_s, params.epoch_length_s))
        begins_s = epoch_start_s(blocks[-1].epoch, params.epoch_length_s)
        return MessageSize(count, max(0.0, begins_s - now_s), is_sent_again=False)

    def _usable_blocks(self, connection: Connection, reply_to: str, count: int, epoch: int) -> list[HeldBlock]:
        blocks = replies.usable_blocks(connection, reply_to, from_epoch=epoch)
        if count > len(blocks):
            raise TooLongError(f"this reply needs {count} reply blocks; {len(blocks)} are left that still work")
        return blocks[:count]

    def _take_blocks(self, connection: Connection, reply_to: str, count: int, epoch: int) -> list[HeldBlock]:
        used = self._usable_blocks(connection, reply_to, count, epoch)
        replies.use_blocks(connection, reply_to, [block.number for block in used])
        return used


def _reply_epochs(maker: PacketMaker, now_s: float, count: int) -> list[int]:
    """Spread reply blocks over the epochs for which there are keys, so that an answer has time."""
    first = maker.epoch(now_s)
    epochs = [epoch for epoch in maker.document.epochs if epoch >= first] or [first]
    return sorted(epochs[number % len(epochs)] for number in range(count))


def _last_use_s(epochs: Sequence[int], params: NetworkParams) -> float:
    return float(epoch_start_s(max(epochs) + 1, params.epoch_length_s))

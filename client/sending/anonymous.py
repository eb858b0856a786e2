"""Anonymous messages, which carry blocks to reply by, and replies, which use them up. Runs where the store is used.

An anonymous message is stored as a draft and sealed when it leaves: its reply blocks live for an epoch or two only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import TooLongError, UnknownContactError
from client.core.content import (
    MESSAGE_ID_BYTES,
    REPLY_KEY_BYTES,
    AnonymousMessage,
    ReplyBlock,
    encode_anonymous,
)
from client.core.fragments import FragmentSizes
from client.core.packets import PacketMaker
from client.core.replies import ReplyMessage, seal_reply, split_reply
from client.core.settings import DAY_S
from client.sending.letters import Letter, Posted, Recipient, Writer, unfinished
from client.store import outgoing, replies
from client.store.outgoing import ANONYMOUS, REPLY, MessageRow
from client.store.replies import HeldBlock
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity
from loopixmix.sphinx import Sphinx, decode_surb, use_surb

REPLY_WAITS_S = 60 * DAY_S
"""How long a reply may wait in the mailbox after its block was used: longer than any mailbox keeps it."""
DRAFT_OVERHEAD_BYTES = 128
BLOCK_OVERHEAD_BYTES = 16


@dataclass(frozen=True)
class AnonymousPoster:
    """Stores anonymous messages and replies."""

    writer: Writer

    def post_draft(
        self, connection: Connection, letter: Letter, recipient: Recipient, *, sphinx: Sphinx, now_s: float
    ) -> Posted:
        """Store an anonymous message, not sealed yet."""
        message_id = self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        blocks_bytes = self.writer.settings.reply_blocks * (sphinx.geometry.surb_bytes + BLOCK_OVERHEAD_BYTES)
        # A good guess for the user; the number is put right when the message is sealed.
        count = FragmentSizes(sphinx.geometry.payload_bytes).count(
            len(letter.body) + blocks_bytes + DRAFT_OVERHEAD_BYTES
        )
        new = self.writer.new_message(letter, recipient, ANONYMOUS, message_id=message_id, fragments=count, now_s=now_s)
        row = self.writer.insert(connection, new)
        outgoing.insert_draft(connection, row, sealing_key=recipient.sealing_key, body=letter.body)
        return Posted(new.message_id, unfinished(row, new, [None] * count, is_draft=True))

    def seal_draft(self, connection: Connection, row: MessageRow, maker: PacketMaker, now_s: float) -> int:
        """Seal an anonymous message with reply blocks that work now; return the number of its fragments, 0 if gone."""
        draft = outgoing.load_draft(connection, row)
        if draft is None:
            return 0
        epochs = _reply_epochs(maker, now_s, self.writer.settings.reply_blocks)
        made = [maker.reply_block(draft.provider, epoch=epoch, now_s=now_s) for epoch in epochs]
        message = AnonymousMessage(
            bytes.fromhex(draft.message_id),
            draft.kind,
            draft.body,
            self.writer.rng.randbytes(REPLY_KEY_BYTES),
            tuple(ReplyBlock(epoch, block.surb.encode()) for epoch, block in zip(epochs, made, strict=True)),
        )
        stream = encode_anonymous(message)
        sizes = FragmentSizes(maker.geometry.payload_bytes)
        recipient = Recipient(draft.mailbox, draft.provider, draft.sealing_key)
        outgoing.insert_fragments(connection, row, self.writer.seal(stream, recipient, sizes))
        outgoing.delete_draft(connection, row, fragments_made=sizes.count(len(stream)))
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
        return sizes.count(len(stream))

    def post_reply(
        self,
        connection: Connection,
        letter: Letter,
        *,
        provider: Identity,
        params: NetworkParams,
        sphinx: Sphinx,
        now_s: float,
    ) -> Posted:
        """Store a reply as the packets it goes out in, and use up the blocks they take.

        `provider`: our own, to which the packets go first.
        """
        group = replies.find_group(connection, letter.to)
        if group is None:
            raise UnknownContactError("that way to reply is not known, or has expired")
        reply_key, sequence = group
        message_id = self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        geometry = sphinx.geometry
        parts = split_reply(
            ReplyMessage(letter.kind, letter.body),
            message_id=message_id,
            sequence=sequence,
            payload_bytes=geometry.payload_bytes,
        )
        # Used up in the transaction that stores the packets: a block used twice makes a replay, which mixes drop.
        blocks = self._take_blocks(connection, letter.to, len(parts), epoch_at(now_s, params.epoch_length_s))
        packets = [
            use_surb(
                decode_surb(block.surb, geometry),
                seal_reply(part, reply_key=reply_key, number=block.number, payload_bytes=geometry.payload_bytes),
                sphinx=sphinx,
            )
            for part, block in zip(parts, blocks, strict=True)
        ]
        epochs = [block.epoch for block in blocks]
        # Where it goes only the blocks know, and they are sealed; the store wants some recipient.
        nowhere = Recipient(bytes(32), provider, b"")
        new = self.writer.new_message(letter, nowhere, REPLY, message_id=message_id, fragments=len(parts), now_s=now_s)
        new = msgspec.structs.replace(new, give_up_at_s=_last_use_s(epochs, params))
        row = self.writer.insert(connection, new)
        outgoing.insert_fragments(connection, row, packets, epochs)
        return Posted(new.message_id, unfinished(row, new, epochs))

    def _take_blocks(self, connection: Connection, reply_to: str, count: int, epoch: int) -> list[HeldBlock]:
        blocks = replies.usable_blocks(connection, reply_to, from_epoch=epoch)
        if count > len(blocks):
            raise TooLongError(f"this reply needs {count} reply blocks; {len(blocks)} are left that still work")
        used = blocks[:count]
        replies.use_blocks(connection, reply_to, [block.number for block in used])
        return used


def _reply_epochs(maker: PacketMaker, now_s: float, count: int) -> list[int]:
    """Spread reply blocks over the epochs for which there are keys, so that an answer has time."""
    first = maker.epoch(now_s)
    epochs = [epoch for epoch in maker.document.epochs if epoch >= first] or [first]
    return sorted(epochs[number % len(epochs)] for number in range(count))


def _last_use_s(epochs: Sequence[int], params: NetworkParams) -> float:
    return float(epoch_start_s(max(epochs) + 1, params.epoch_length_s))

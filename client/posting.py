"""Taking a message to send: checked, sealed and stored in one transaction. Runs in the worker."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import (
    ConflictError,
    KeyChangedError,
    MessageId,
    MessageState,
    QueueFullError,
    TooLongError,
    UnknownContactError,
)
from client.core.arguments import REPLY_PREFIX
from client.core.content import (
    MESSAGE_ID_BYTES,
    REPLY_KEY_BYTES,
    AnonymousMessage,
    Receipt,
    ReplyBlock,
    Sender,
    SignedMessage,
    encode_anonymous,
    encode_signed,
)
from client.core.fragments import MESSAGE_KEY_BYTES, FragmentSizes, seal_fragments
from client.core.packets import PacketMaker
from client.core.replies import ReplyMessage, seal_reply, split_reply
from client.keys import ClientKeys
from client.sealing import Sealer
from client.session import Account
from client.settings import DAY_S, ClientSettings
from client.store import contacts, outgoing, replies
from client.store.contacts import PinnedContact
from client.store.outgoing import ANONYMOUS, RECEIPT, REPLY, SIGNED, MessageRow, NewMessage, UnfinishedMessage
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.seams import Rng
from loopixmix.sphinx import Geometry, decode_surb, use_surb

REPLY_WAITS_S = 60 * DAY_S


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What an application wants to send."""

    to: str
    kind: str
    body: bytes
    idempotency_key: str
    anonymous: bool

    @property
    def digest(self) -> bytes:
        """Tells this message from another one under the same key."""
        head = msgspec.msgpack.encode((self.to, self.kind, self.anonymous))
        return hashlib.sha256(hashlib.sha256(head).digest() + self.body).digest()


class Posted(msgspec.Struct, frozen=True):
    """A stored message; `new` is None where the same call was made before."""

    message_id: MessageId
    new: UnfinishedMessage | None


@dataclass(frozen=True, kw_only=True)
class Poster:
    """Stores what is to be sent."""

    keys: ClientKeys
    sealer: Sealer
    rng: Rng
    settings: ClientSettings

    def post(
        self, connection: Connection, letter: Letter, *, account: Account, params: NetworkParams, now_s: float
    ) -> Posted:
        """Store a message, or find it where the same call was made before. Raises as `client.api.Client.send`."""
        known = outgoing.find_by_key(connection, letter.idempotency_key)
        if known is not None:
            message_id, digest = known
            if digest != letter.digest:
                raise ConflictError("that idempotency key was used for a different message")
            return Posted(message_id, None)
        if letter.to.startswith(REPLY_PREFIX):
            return self._post_reply(connection, letter, account, params, now_s)
        contact = _contact(connection, letter.to)
        if letter.anonymous:
            return self._post_draft(connection, letter, contact, params, now_s)
        return self._post_signed(connection, letter, contact, account, params, now_s)

    def post_receipt(
        self,
        connection: Connection,
        contact: PinnedContact,
        *,
        received: bytes,
        account: Account,
        params: NetworkParams,
        now_s: float,
    ) -> UnfinishedMessage:
        """Store the receipt for the message `received`, to leave a random time later."""
        message_id = self.rng.randbytes(MESSAGE_ID_BYTES)
        receipt = Receipt(message_id, received, self._sender(account))
        letter = Letter(to=contact.address, kind="receipt", body=b"", idempotency_key="", anonymous=False)
        stream = encode_signed(receipt, self.keys.identity, recipient=contact.identity)
        wait_s = self.rng.expovariate(1 / self.settings.receipt_delay_mean_s)
        new = self._new(letter, contact, RECEIPT, message_id, now_s, not_before_s=now_s + wait_s)
        return self._store_sealed(connection, new, contact, stream, params)

    def seal_draft(self, connection: Connection, row: MessageRow, maker: PacketMaker, now_s: float) -> int:
        """Seal an anonymous message with reply blocks that work now; return the number of its fragments, 0 if gone."""
        draft = outgoing.load_draft(connection, row)
        if draft is None:
            return 0
        made = [
            (epoch, maker.reply_block(draft.provider, epoch=epoch, now_s=now_s))
            for epoch in _reply_epochs(maker, now_s, self.settings.reply_blocks)
        ]
        message = AnonymousMessage(
            bytes.fromhex(draft.message_id),
            draft.kind,
            draft.body,
            self.rng.randbytes(REPLY_KEY_BYTES),
            tuple(ReplyBlock(epoch, block.surb.encode()) for epoch, block in made),
        )
        sizes = FragmentSizes(maker.geometry.payload_bytes)
        stream = encode_anonymous(message)
        fragments = seal_fragments(
            stream,
            recipient=draft.mailbox,
            recipient_key=draft.sealing_key,
            message_key=self.rng.randbytes(MESSAGE_KEY_BYTES),
            sealer=self.sealer,
            sizes=sizes,
        )
        outgoing.insert_fragments(connection, row, fragments)
        outgoing.delete_draft(connection, row, fragments_made=sizes.count(len(stream)))
        replies.hand_out(
            connection,
            contact=draft.recipient,
            identity=draft.mailbox,
            reply_key=message.reply_key,
            blocks=[(block.surb_id, block.keys.encode()) for _, block in made],
            # A reply may wait in the mailbox, for as long as that keeps it, after its block has been used.
            expires_at_s=_last_use_s([epoch for epoch, _ in made], maker.document.params) + REPLY_WAITS_S,
        )
        return sizes.count(len(stream))

    def _post_signed(
        self,
        connection: Connection,
        letter: Letter,
        contact: PinnedContact,
        account: Account,
        params: NetworkParams,
        now_s: float,
    ) -> Posted:
        message_id = self.rng.randbytes(MESSAGE_ID_BYTES)
        message = SignedMessage(message_id, letter.kind, letter.body, self._sender(account))
        stream = encode_signed(message, self.keys.identity, recipient=contact.identity)
        new = self._new(letter, contact, SIGNED, message_id, now_s)
        return Posted(new.message_id, self._store_sealed(connection, new, contact, stream, params))

    def _store_sealed(
        self, connection: Connection, new: NewMessage, contact: PinnedContact, stream: bytes, params: NetworkParams
    ) -> UnfinishedMessage:
        sizes = FragmentSizes(params.payload_bytes)
        new = msgspec.structs.replace(new, fragments=sizes.count(len(stream)))
        self._check_room(connection, new.fragments)
        row = outgoing.insert_message(connection, new)
        fragments = seal_fragments(
            stream,
            recipient=contact.identity,
            recipient_key=contact.sealing_key,
            message_key=self.rng.randbytes(MESSAGE_KEY_BYTES),
            sealer=self.sealer,
            sizes=sizes,
        )
        outgoing.insert_fragments(connection, row, fragments)
        return _unfinished(row, new, [None] * new.fragments)

    def _post_draft(
        self,
        connection: Connection,
        letter: Letter,
        contact: PinnedContact,
        params: NetworkParams,
        now_s: float,
    ) -> Posted:
        blocks_bytes = self.settings.reply_blocks * (Geometry.for_network(params).surb_bytes + 16)
        message_id = self.rng.randbytes(MESSAGE_ID_BYTES)
        new = self._new(letter, contact, ANONYMOUS, message_id, now_s)
        count = FragmentSizes(params.payload_bytes).count(len(letter.body) + blocks_bytes + 128)
        new = msgspec.structs.replace(new, fragments=count)
        self._check_room(connection, count)
        row = outgoing.insert_message(connection, new)
        outgoing.insert_draft(connection, row, sealing_key=contact.sealing_key, body=letter.body)
        return Posted(new.message_id, _unfinished(row, new, [None] * count, is_draft=True))

    def _post_reply(
        self, connection: Connection, letter: Letter, account: Account, params: NetworkParams, now_s: float
    ) -> Posted:
        group = replies.find_group(connection, letter.to)
        if group is None:
            raise UnknownContactError("that way to reply is not known, or has expired")
        reply_key, sequence = group
        message_id = self.rng.randbytes(MESSAGE_ID_BYTES)
        geometry = Geometry.for_network(params)
        parts = split_reply(
            ReplyMessage(letter.kind, letter.body),
            message_id=message_id,
            sequence=sequence,
            payload_bytes=geometry.payload_bytes,
        )
        epoch = epoch_at(now_s, params.epoch_length_s)
        blocks = replies.usable_blocks(connection, letter.to, from_epoch=epoch)
        if len(parts) > len(blocks):
            raise TooLongError(f"this reply needs {len(parts)} reply blocks; {len(blocks)} are left that still work")
        used = blocks[: len(parts)]
        packets = [
            use_surb(
                decode_surb(block.surb, geometry),
                seal_reply(part, reply_key=reply_key, number=block.number, payload_bytes=geometry.payload_bytes),
                geometry=geometry,
            )
            for part, block in zip(parts, used, strict=True)
        ]
        replies.use_blocks(connection, letter.to, [block.number for block in used])
        epochs = [block.epoch for block in used]
        new = NewMessage(
            message_id=message_id.hex(),
            idempotency_key=letter.idempotency_key,
            digest=letter.digest,
            form=REPLY,
            recipient=letter.to,
            kind=letter.kind,
            length_bytes=len(letter.body),
            mailbox=bytes(32),
            provider=account.provider,
            fragments=len(parts),
            created_at_s=now_s,
            not_before_s=now_s,
            give_up_at_s=_last_use_s(epochs, params),
        )
        self._check_room(connection, len(parts))
        row = outgoing.insert_message(connection, new)
        outgoing.insert_fragments(connection, row, packets, epochs)
        return Posted(new.message_id, _unfinished(row, new, epochs))

    def _new(
        self,
        letter: Letter,
        contact: PinnedContact,
        form: str,
        message_id: bytes,
        now_s: float,
        *,
        not_before_s: float = 0.0,
    ) -> NewMessage:
        return NewMessage(
            message_id=message_id.hex(),
            idempotency_key=letter.idempotency_key or None,
            digest=letter.digest,
            form=form,
            recipient=letter.to,
            kind=letter.kind,
            length_bytes=len(letter.body),
            mailbox=contact.identity,
            provider=contact.provider,
            fragments=1,
            created_at_s=now_s,
            not_before_s=not_before_s or now_s,
            give_up_at_s=now_s + self.settings.give_up_s,
        )

    def _sender(self, account: Account) -> Sender:
        return Sender(self.keys.identity.public, account.name, account.provider)

    def _check_room(self, connection: Connection, more_fragments: int) -> None:
        messages, fragments = outgoing.queue_size(connection)
        if messages >= self.settings.max_queued_messages:
            raise QueueFullError(f"{messages} messages wait to be sent; wait until some have left")
        # One message always fits, however long: else a long one could never be sent.
        if fragments and fragments + more_fragments > self.settings.max_queued_fragments:
            raise QueueFullError(f"{fragments} fragments wait to be sent; wait until some have left")


def _contact(connection: Connection, address: str) -> PinnedContact:
    contact = contacts.find(connection, address)
    if contact is None:
        raise UnknownContactError(f"there is no contact {address}; add it first")
    if contact.changed_card is not None:
        raise KeyChangedError(f"the key of {address} changed: compare fingerprints and accept it first")
    return contact


def _unfinished(
    row: MessageRow, new: NewMessage, epochs: Sequence[int | None], *, is_draft: bool = False
) -> UnfinishedMessage:
    return UnfinishedMessage(
        row=row,
        message_id=new.message_id,
        form=new.form,
        mailbox=new.mailbox,
        provider=new.provider,
        fragments=new.fragments,
        sent=0,
        state=MessageState.QUEUED,
        not_before_s=new.not_before_s,
        give_up_at_s=new.give_up_at_s,
        is_draft=is_draft,
        waiting=tuple(enumerate(epochs)),
    )


def _reply_epochs(maker: PacketMaker, now_s: float, count: int) -> list[int]:
    """Spread reply blocks over the epochs for which there are keys, so that an answer has time."""
    first = maker.epoch(now_s)
    epochs = [epoch for epoch in maker.document.epochs if epoch >= first] or [first]
    return sorted(epochs[number % len(epochs)] for number in range(count))


def _last_use_s(epochs: Sequence[int], params: NetworkParams) -> float:
    return float(epoch_start_s(max(epochs) + 1, params.epoch_length_s))

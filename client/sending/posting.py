"""Taking messages to send: checked and stored in one transaction. Runs where the store is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import ConflictError, KeyChangedError, Letter, MessageId, QueueFullError, UnknownContactError
from client.core.arguments import REPLY_PREFIX, check_unsigned, told_of
from client.core.content import MESSAGE_ID_BYTES, Receipt, SignedMessage, encode_signed, signed_bytes
from client.core.fragments import FragmentSizes
from client.core.reaching import check_reach
from client.link.session import Account, Membership
from client.sending.anonymous import AnonymousPoster
from client.sending.letters import MessageSize, Posted, Recipient, Room, Writer, digest_of, unfinished
from client.store import contacts, outgoing
from client.store.contacts import PinnedContact
from client.store.outgoing import ANONYMOUS, RECEIPT, SIGNED, NewDraft, NewMessage, UnfinishedMessage
from loopixmix.directory import Document
from loopixmix.params import NetworkParams
from loopixmix.sphinx import Sphinx

DRAFT_OVERHEAD_BYTES = 128
BLOCK_OVERHEAD_BYTES = 16
TYPICAL_KIND = "application/kind"
LENGTH_BYTES = 4
"""MessagePack tells the length of a long body in so many bytes more than that of none."""


@dataclass(frozen=True)
class Poster:
    """Stores what is to be sent.

    A message that leaves at once is sealed before it is stored: nothing on the disk tells its content. All others are
    stored as drafts and sealed when they leave. An anonymous message has to be, because its reply blocks live for an
    epoch or two only. One that leaves later is, because its recipient's key, and the size of packets, may have changed
    by then. Those of a bulk are, because sealing takes ten times as long as storing.
    """

    writer: Writer
    anonymous: AnonymousPoster

    def post(self, connection: Connection, letter: Letter, member: Membership, *, now_s: float) -> Posted:
        """Store a message, or find it if the same call was made before. Raises as `client.api.Client.send`."""
        # Before all other checks: an application that repeats a call gets its message, whatever has changed since.
        known = outgoing.find_by_key(connection, letter.idempotency_key)
        if known is not None:
            return Posted(_same(letter, known), None)
        room = self.writer.room(connection)
        if letter.to.startswith(REPLY_PREFIX):
            return self.anonymous.post_reply(connection, letter, member, room=room, now_s=now_s)
        recipient = _recipient(connection, letter.to, member.document)
        draft = self._draft(letter, recipient, member, now_s)
        if letter.anonymous or draft.message.not_before_s:
            return self._post_drafts(connection, [draft], room)[0]
        return self._post_signed(connection, letter, recipient, member, room, now_s)

    def post_many(
        self, connection: Connection, letters: Sequence[Letter], member: Membership, *, now_s: float
    ) -> list[Posted]:
        """Store messages, all or none, in the order of `letters`. Raises as `client.api.Client.send_many`."""
        known = dict(outgoing.find_by_keys(connection, [letter.idempotency_key for letter in letters]))
        room = self.writer.room(connection)
        recipients: dict[str, Recipient] = {}
        drafts: list[NewDraft] = []
        ids: list[MessageId] = []
        posted: dict[MessageId, Posted] = {}
        for index, letter in enumerate(letters):
            with told_of(index):
                earlier = known.get(letter.idempotency_key)
                if earlier is not None:
                    ids.append(_same(letter, earlier))
                    continue
                if letter.to.startswith(REPLY_PREFIX):
                    reply = self.anonymous.post_reply(connection, letter, member, room=room, now_s=now_s)
                    posted[reply.message_id] = reply
                    message_id, digest = reply.message_id, digest_of(letter)
                else:
                    if letter.to not in recipients:
                        recipients[letter.to] = _recipient(connection, letter.to, member.document)
                    drafts.append(self._draft(letter, recipients[letter.to], member, now_s))
                    message_id, digest = drafts[-1].message.message_id, drafts[-1].message.digest
            ids.append(message_id)
            known[letter.idempotency_key] = message_id, digest
        posted |= {each.message_id: each for each in self._post_drafts(connection, drafts, room)}
        # What is known from before, or stood in the list twice, is new once or not at all.
        return [posted.pop(message_id, Posted(message_id, None)) for message_id in ids]

    def size(
        self, connection: Connection, body_bytes: int, to: str, member: Membership, *, now_s: float
    ) -> MessageSize:
        """Return how much a message would be; raises as `client.api.Client.estimate`."""
        if to.startswith(REPLY_PREFIX):
            return self.anonymous.reply_size(connection, body_bytes, to, member, now_s=now_s)
        _recipient(connection, to, member.document)
        if member.account.is_guest:
            length = self._anonymous_bytes(body_bytes, member.sphinx)
        else:
            message = SignedMessage(bytes(MESSAGE_ID_BYTES), TYPICAL_KIND, b"", self.writer.sender(member.account))
            length = signed_bytes(message) + LENGTH_BYTES + body_bytes
        return MessageSize(FragmentSizes(member.params.payload_bytes).count(length), 0.0, is_sent_again=True)

    def post_receipt(
        self,
        connection: Connection,
        contact: PinnedContact,
        *,
        received: bytes,
        account: Account,
        params: NetworkParams,
        now_s: float,
    ) -> UnfinishedMessage | None:
        """Store the receipt for the message `received`, to leave a random time later; None if the queue is full."""
        writer, message_id = self.writer, self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        receipt = Receipt(message_id, received, writer.sender(account))
        letter = Letter(to=contact.address, kind="receipt", body=b"", idempotency_key="")
        recipient = Recipient(contact.identity, contact.provider, contact.sealing_key)
        stream = encode_signed(receipt, writer.keys.identity_key, recipient=contact.identity)
        # Sent at once, it would show when we are online: to the sender, and to an observer of both.
        wait_s = writer.rng.expovariate(1 / writer.settings.receipt_delay_mean_s)
        new = writer.new_message(
            letter, recipient, RECEIPT, message_id=message_id, fragments=1, now_s=now_s, leaves_at_s=now_s + wait_s
        )
        try:
            return self._store(connection, new, recipient, stream, params, writer.room(connection))
        except QueueFullError:
            # The message itself must still be taken: it is only not said that it came.
            return None

    def _draft(self, letter: Letter, recipient: Recipient, member: Membership, now_s: float) -> NewDraft:
        if member.account.is_guest:
            check_unsigned(letter)
        writer, message_id = self.writer, self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        if letter.anonymous:
            form, length = ANONYMOUS, self._anonymous_bytes(len(letter.body), member.sphinx)
        else:
            message = SignedMessage(message_id, letter.kind, letter.body, writer.sender(member.account))
            form, length = SIGNED, signed_bytes(message)
        fragments = FragmentSizes(member.params.payload_bytes).count(length)
        leaves_at_s = writer.leaves_at_s(letter, fragments, member, now_s)
        new = writer.new_message(
            letter, recipient, form, message_id=message_id, fragments=fragments, now_s=now_s, leaves_at_s=leaves_at_s
        )
        return NewDraft(new, letter.body)

    def _anonymous_bytes(self, body_bytes: int, sphinx: Sphinx) -> int:
        # A good guess for the user; the number is put right when the message is sealed.
        blocks_bytes = self.writer.settings.reply_blocks * (sphinx.geometry.surb_bytes + BLOCK_OVERHEAD_BYTES)
        return body_bytes + blocks_bytes + DRAFT_OVERHEAD_BYTES

    def _post_drafts(self, connection: Connection, drafts: Sequence[NewDraft], room: Room) -> list[Posted]:
        for draft in drafts:
            room.take(draft.message.fragments)
        rows = outgoing.insert_drafts(connection, drafts)
        return [
            Posted(new.message_id, unfinished(row, new, [None] * new.fragments, is_draft=True))
            for row, new in zip(rows, (draft.message for draft in drafts), strict=True)
        ]

    def _post_signed(
        self,
        connection: Connection,
        letter: Letter,
        recipient: Recipient,
        member: Membership,
        room: Room,
        now_s: float,
    ) -> Posted:
        writer, message_id = self.writer, self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        message = SignedMessage(message_id, letter.kind, letter.body, writer.sender(member.account))
        stream = encode_signed(message, writer.keys.identity_key, recipient=recipient.identity)
        new = writer.new_message(letter, recipient, SIGNED, message_id=message_id, fragments=1, now_s=now_s)
        return Posted(new.message_id, self._store(connection, new, recipient, stream, member.params, room))

    def _store(
        self,
        connection: Connection,
        new: NewMessage,
        recipient: Recipient,
        stream: bytes,
        params: NetworkParams,
        room: Room,
    ) -> UnfinishedMessage:
        sizes = FragmentSizes(params.payload_bytes)
        new = msgspec.structs.replace(new, fragments=sizes.count(len(stream)))
        room.take(new.fragments)
        row = outgoing.insert_message(connection, new)
        outgoing.insert_fragments(connection, row, self.writer.seal(stream, recipient, sizes))
        return unfinished(row, new, [None] * new.fragments)


def _same(letter: Letter, known: tuple[MessageId, bytes]) -> MessageId:
    message_id, digest = known
    if digest != digest_of(letter):
        raise ConflictError("that idempotency key was used for a different message")
    return message_id


def _recipient(connection: Connection, address: str, document: Document | None) -> Recipient:
    contact = contacts.find(connection, address)
    if contact is None:
        raise UnknownContactError(f"there is no contact {address}; add it first")
    if contact.changed_card is not None:
        raise KeyChangedError(f"the key of {address} changed: compare fingerprints and accept it first")
    check_reach(address, document, account=contact.name, provider=contact.provider, identity=contact.identity)
    return Recipient(contact.identity, contact.provider, contact.sealing_key)

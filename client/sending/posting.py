"""Taking a message to send: checked, sealed and stored in one transaction. Runs where the store is used."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import ConflictError, KeyChangedError, UnknownContactError
from client.core.arguments import REPLY_PREFIX
from client.core.content import MESSAGE_ID_BYTES, Receipt, SignedMessage, encode_signed
from client.core.fragments import FragmentSizes
from client.link.session import Account
from client.sending.anonymous import AnonymousPoster
from client.sending.letters import Letter, Posted, Recipient, Writer, unfinished
from client.store import contacts, outgoing
from client.store.contacts import PinnedContact
from client.store.outgoing import RECEIPT, SIGNED, NewMessage, UnfinishedMessage
from loopixmix.params import NetworkParams
from loopixmix.sphinx import Sphinx


@dataclass(frozen=True)
class Poster:
    """Stores what is to be sent."""

    writer: Writer
    anonymous: AnonymousPoster

    def post(
        self,
        connection: Connection,
        letter: Letter,
        *,
        account: Account,
        params: NetworkParams,
        sphinx: Sphinx,
        now_s: float,
    ) -> Posted:
        """Store a message, or find it if the same call was made before. Raises as `client.api.Client.send`."""
        # Before all other checks: an application that repeats a call gets its message, whatever has changed since.
        known = outgoing.find_by_key(connection, letter.idempotency_key)
        if known is not None:
            message_id, digest = known
            if digest != letter.digest:
                raise ConflictError("that idempotency key was used for a different message")
            return Posted(message_id, None)
        if letter.to.startswith(REPLY_PREFIX):
            return self.anonymous.post_reply(
                connection, letter, provider=account.provider, params=params, sphinx=sphinx, now_s=now_s
            )
        recipient = _recipient(connection, letter.to)
        if letter.anonymous:
            return self.anonymous.post_draft(connection, letter, recipient, sphinx=sphinx, now_s=now_s)
        return self._post_signed(connection, letter, recipient, account, params, now_s)

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
        writer, message_id = self.writer, self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        receipt = Receipt(message_id, received, writer.sender(account))
        letter = Letter(to=contact.address, kind="receipt", body=b"", idempotency_key="", anonymous=False)
        recipient = Recipient(contact.identity, contact.provider, contact.sealing_key)
        stream = encode_signed(receipt, writer.keys.identity_key, recipient=contact.identity)
        # Sent at once, it would show when we are online: to the sender, and to an observer of both.
        wait_s = writer.rng.expovariate(1 / writer.settings.receipt_delay_mean_s)
        new = writer.new_message(letter, recipient, RECEIPT, message_id=message_id, fragments=1, now_s=now_s)
        new = msgspec.structs.replace(new, not_before_s=now_s + wait_s)
        return self._store(connection, new, recipient, stream, params)

    def _post_signed(
        self,
        connection: Connection,
        letter: Letter,
        recipient: Recipient,
        account: Account,
        params: NetworkParams,
        now_s: float,
    ) -> Posted:
        writer, message_id = self.writer, self.writer.rng.randbytes(MESSAGE_ID_BYTES)
        message = SignedMessage(message_id, letter.kind, letter.body, writer.sender(account))
        stream = encode_signed(message, writer.keys.identity_key, recipient=recipient.identity)
        new = writer.new_message(letter, recipient, SIGNED, message_id=message_id, fragments=1, now_s=now_s)
        return Posted(new.message_id, self._store(connection, new, recipient, stream, params))

    def _store(
        self, connection: Connection, new: NewMessage, recipient: Recipient, stream: bytes, params: NetworkParams
    ) -> UnfinishedMessage:
        sizes = FragmentSizes(params.payload_bytes)
        new = msgspec.structs.replace(new, fragments=sizes.count(len(stream)))
        row = self.writer.insert(connection, new)
        outgoing.insert_fragments(connection, row, self.writer.seal(stream, recipient, sizes))
        return unfinished(row, new, [None] * new.fragments)


def _recipient(connection: Connection, address: str) -> Recipient:
    contact = contacts.find(connection, address)
    if contact is None:
        raise UnknownContactError(f"there is no contact {address}; add it first")
    if contact.changed_card is not None:
        raise KeyChangedError(f"the key of {address} changed: compare fingerprints and accept it first")
    return Recipient(contact.identity, contact.provider, contact.sealing_key)

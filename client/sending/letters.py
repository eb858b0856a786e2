"""Messages of applications, and how they are stored: sealed, if there is room in the queue.

Runs where the store is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import MessageId, MessageState, QueueFullError
from client.core.content import Sender
from client.core.fragments import MESSAGE_KEY_BYTES, FragmentSizes, seal_fragments
from client.core.sealing import Sealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.link.session import Account
from client.store import outgoing
from client.store.outgoing import MessageRow, NewMessage, UnfinishedMessage
from loopixmix.seams import Identity, Rng


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that an application wants to send."""

    to: str
    kind: str
    body: bytes
    idempotency_key: str
    anonymous: bool

    @property
    def digest(self) -> bytes:
        """Tells this message from another one under the same key."""
        # Hashed by itself, so that it has one length: no end of it can be taken for the beginning of a body.
        head = msgspec.msgpack.encode((self.to, self.kind, self.anonymous))
        return hashlib.sha256(hashlib.sha256(head).digest() + self.body).digest()


class Posted(msgspec.Struct, frozen=True):
    """A stored message; `new` is None if the same call was made before."""

    message_id: MessageId
    new: UnfinishedMessage | None


class Recipient(msgspec.Struct, frozen=True):
    """The destination of a message: a client at its provider, and the key to seal to."""

    identity: Identity
    provider: Identity
    sealing_key: bytes


@dataclass(frozen=True, kw_only=True)
class Writer:
    """All that it takes to store a message: our keys, randomness and limits."""

    keys: ClientKeys
    sealer: Sealer
    rng: Rng
    settings: ClientSettings

    def sender(self, account: Account) -> Sender:
        """Return how we name ourselves inside a signed message."""
        return Sender(self.keys.identity_key.public, account.name, account.provider)

    def new_message(
        self, letter: Letter, recipient: Recipient, form: str, *, message_id: bytes, fragments: int, now_s: float
    ) -> NewMessage:
        """Return a message as the store takes it."""
        return NewMessage(
            message_id=message_id.hex(),
            idempotency_key=letter.idempotency_key or None,
            digest=letter.digest,
            form=form,
            recipient=letter.to,
            kind=letter.kind,
            length_bytes=len(letter.body),
            mailbox=recipient.identity,
            provider=recipient.provider,
            fragments=fragments,
            created_at_s=now_s,
            not_before_s=now_s,
            give_up_at_s=now_s + self.settings.give_up_s,
        )

    def insert(self, connection: Connection, new: NewMessage) -> MessageRow:
        """Store a message without its fragments, if there is room; raise `QueueFullError` otherwise."""
        messages, fragments = outgoing.queue_size(connection)
        if messages >= self.settings.max_queued_messages:
            raise QueueFullError(f"{messages} messages wait to be sent; wait until some have left")
        # One message always fits, however long: otherwise a long one could never be sent.
        if fragments and fragments + new.fragments > self.settings.max_queued_fragments:
            raise QueueFullError(f"{fragments} fragments wait to be sent; wait until some have left")
        return outgoing.insert_message(connection, new)

    def seal(self, stream: bytes, recipient: Recipient, sizes: FragmentSizes) -> Iterator[bytes]:
        """Yield the fragments of an encoded message, under a fresh key."""
        # A fresh key for each message: no key of one tells anything about another one.
        return seal_fragments(
            stream,
            recipient=recipient.identity,
            recipient_key=recipient.sealing_key,
            message_key=self.rng.randbytes(MESSAGE_KEY_BYTES),
            sealer=self.sealer,
            sizes=sizes,
        )


def unfinished(
    row: MessageRow, new: NewMessage, epochs: Sequence[int | None], *, is_draft: bool = False
) -> UnfinishedMessage:
    """Return a message that was just stored, as the outbox takes it; `epochs` holds one entry for each fragment."""
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

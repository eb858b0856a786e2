"""Messages of applications, and how they are stored if there is room in the queue. Runs where the store is used."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import Letter, MessageId, MessageState, QueueFullError
from client.core.content import Sender
from client.core.fragments import MESSAGE_KEY_BYTES, FragmentSizes, seal_fragments
from client.core.sealing import Sealer
from client.core.settings import ClientSettings
from client.core.timing.leaving import leaving_s, reserve_s
from client.directory.keys import ClientKeys
from client.link.session import Account, Membership
from client.store import outgoing
from client.store.outgoing import MessageRow, NewMessage, UnfinishedMessage
from loopixmix.seams import Identity, Rng


def digest_of(letter: Letter) -> bytes:
    """Return what tells a message from another one under the same key; its times do not."""
    # Hashed by itself, so that it has one length: no end of it can be taken for the beginning of a body.
    head = msgspec.msgpack.encode((letter.to, letter.kind, letter.anonymous))
    digest = hashlib.sha256(hashlib.sha256(head).digest())
    digest.update(letter.body)  # apart: together with the head, a body of ten megabytes would be copied
    return digest.digest()


class Posted(msgspec.Struct, frozen=True):
    """A stored message; `new` is None if the same call was made before."""

    message_id: MessageId
    new: UnfinishedMessage | None


class MessageSize(msgspec.Struct, frozen=True):
    """How much a message is: its fragments, how long it may not leave yet, and whether what is lost is sent again."""

    fragments: int
    waits_s: float
    is_sent_again: bool


class Recipient(msgspec.Struct, frozen=True):
    """The destination of a message: a client at its provider, and the key to seal to."""

    identity: Identity
    provider: Identity
    sealing_key: bytes


class Room:
    """The room that is left in the queue."""

    def __init__(self, settings: ClientSettings, *, messages: int, fragments: int) -> None:
        """Begin with so many `messages` and `fragments` that wait."""
        self._settings = settings
        self._messages = messages
        self._fragments = fragments

    def take(self, fragments: int) -> None:
        """Make room for a message of so many fragments; raise `QueueFullError` if there is none."""
        if self._messages >= self._settings.max_queued_messages:
            raise QueueFullError(f"{self._messages} messages wait to be sent; wait until some have left")
        # One message always fits, however long: otherwise a long one could never be sent.
        if self._fragments and self._fragments + fragments > self._settings.max_queued_fragments:
            raise QueueFullError(f"{self._fragments} fragments wait to be sent; wait until some have left")
        self._messages += 1
        self._fragments += fragments


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

    def room(self, connection: Connection) -> Room:
        """Return the room that is left in the queue."""
        messages, fragments = outgoing.queue_size(connection)
        return Room(self.settings, messages=messages, fragments=fragments)

    def leaves_at_s(self, letter: Letter, fragments: int, member: Membership, now_s: float) -> float:
        """Draw the moment at which a message of so many fragments begins to leave; 0 if that is at once."""
        if letter.not_before_s is None:
            # Of ten thousand in one call most are of this kind, and each draw asks the operating system.
            return 0.0
        return leaving_s(
            letter.not_before_s,
            letter.deadline_s,
            now_s=now_s,
            reserve_s=reserve_s(fragments, member.params, member.policy),
            draw=self.rng.random(),
        )

    def new_message(
        self,
        letter: Letter,
        recipient: Recipient,
        form: str,
        *,
        message_id: bytes,
        fragments: int,
        now_s: float,
        leaves_at_s: float = 0.0,
    ) -> NewMessage:
        """Return a message as the store takes it."""
        longest_s = max(now_s, leaves_at_s) + self.settings.give_up_s
        return NewMessage(
            message_id=message_id.hex(),
            idempotency_key=letter.idempotency_key or None,
            digest=digest_of(letter),
            form=form,
            recipient=letter.to,
            kind=letter.kind,
            length_bytes=len(letter.body),
            mailbox=recipient.identity,
            provider=recipient.provider,
            fragments=fragments,
            created_at_s=now_s,
            not_before_s=leaves_at_s,
            # However far the deadline is: a recipient remembers for a limited time which fragments it has taken.
            give_up_at_s=min(longest_s, math.inf if letter.deadline_s is None else letter.deadline_s),
            deadline_s=letter.deadline_s,
        )

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
        deadline_s=new.deadline_s,
        is_draft=is_draft,
        waiting=tuple(enumerate(epochs)),
    )

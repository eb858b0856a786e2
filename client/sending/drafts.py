"""Messages in the store that are not sealed yet: sealed when they leave, several in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.api import ClientError
from client.core.content import SignedMessage, encode_signed
from client.core.fragments import FragmentSizes
from client.core.packets import PacketMaker
from client.core.reaching import check_reach
from client.link.session import Account
from client.sending.anonymous import AnonymousPoster
from client.sending.letters import Recipient, Writer
from client.store import contacts, outgoing
from client.store.outgoing import ANONYMOUS, Draft, MessageRow
from loopixmix.errors import UnavailableError
from loopixmix.store.access import StoreAccess


@dataclass(frozen=True)
class Sealed:
    """A draft that is sealed now."""

    fragments: int


@dataclass(frozen=True)
class Held:
    """A draft that cannot be sealed just now."""


@dataclass(frozen=True)
class Unsealable:
    """A draft that will never be sealed."""

    reason: str


SealingOutcome: TypeAlias = Sealed | Held | Unsealable | None
"""What became of a draft; None if it is gone."""


@dataclass(frozen=True, kw_only=True)
class SealingRound:
    """What drafts are sealed with: the packets of this moment, and who we are."""

    maker: PacketMaker
    account: Account
    now_s: float


class Drafts:
    """The messages in the store that are not sealed yet."""

    def __init__(self, writer: Writer, anonymous: AnonymousPoster, access: StoreAccess) -> None:
        """Seal by `writer` and `anonymous`, where `access` has the store."""
        self._writer = writer
        self._anonymous = anonymous
        self._access = access

    def seal(self, rows: Sequence[MessageRow], around: SealingRound) -> Deferred[list[SealingOutcome]]:
        """Seal some drafts in one transaction; fires with what became of each, fails with `StoreError`."""
        return self._access.write(lambda connection: [self._seal_one(connection, row, around) for row in rows])

    def _seal_one(self, connection: Connection, row: MessageRow, around: SealingRound) -> SealingOutcome:
        draft = outgoing.load_draft(connection, row)
        if draft is None:
            return None
        contact = contacts.find(connection, draft.recipient)
        if contact is None:
            return Unsealable(f"the contact {draft.recipient} was removed before it left")
        if contact.changed_card is not None:
            return Held()  # until the user has accepted the new key, or its time is over
        if contact.identity != draft.mailbox:
            return Unsealable(f"the key of {draft.recipient} is another one than when it was queued: send it again")
        try:
            document = around.maker.document
            check_reach(
                draft.recipient, document, account=contact.name, provider=contact.provider, identity=contact.identity
            )
        except ClientError as error:
            return Unsealable(str(error))
        try:
            stream = self._encode(connection, draft, around)
        except UnavailableError:
            return Held()
        sizes = FragmentSizes(around.maker.geometry.payload_bytes)
        recipient = Recipient(contact.identity, contact.provider, contact.sealing_key)
        outgoing.insert_fragments(connection, row, self._writer.seal(stream, recipient, sizes))
        fragments = sizes.count(len(stream))
        outgoing.delete_draft(connection, row, fragments_made=fragments)
        return Sealed(fragments)

    def _encode(self, connection: Connection, draft: Draft, around: SealingRound) -> bytes:
        if draft.form == ANONYMOUS:
            return self._anonymous.encode_draft(connection, draft, around.maker, around.now_s)
        sender = self._writer.sender(around.account)
        message = SignedMessage(bytes.fromhex(draft.message_id), draft.kind, draft.body, sender)
        return encode_signed(message, self._writer.keys.identity_key, recipient=draft.mailbox)

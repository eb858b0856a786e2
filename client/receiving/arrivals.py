"""Complete messages, receipts and replies: who sent them, and into the inbox with them.

Runs where the store is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from client.api import Verified
from client.core.arguments import REPLY_PREFIX
from client.core.content import AnonymousMessage, Receipt, ReplyBlock, Sender, SignedMessage, decode_content
from client.core.pins import Impostor, PinnedSender, judge_sender, shown_sender
from client.core.reaching import is_shared
from client.core.replies import join_reply, open_reply_fragment
from client.link.session import Account, Session
from client.sending.letters import Writer
from client.sending.posting import Poster
from client.store import contacts, incoming, outgoing, replies
from client.store.contacts import PinnedContact
from client.store.incoming import Arrival
from client.store.outgoing import MessageRow, UnfinishedMessage
from loopixmix.directory import Document
from loopixmix.directory.document import MAX_VALID_EPOCHS
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.errors import PeerError
from loopixmix.seams import Identity
from loopixmix.sphinx import Sphinx, SurbKeys, decode_surb, open_reply

HOLD_REPLY_S = 60.0
"""How long a reply waits for an earlier one that has not come."""


class BatchOutcome(msgspec.Struct):
    """The results of a batch of items."""

    kinds: set[str] = msgspec.field(default_factory=set)
    received: list[MessageRow] = msgspec.field(default_factory=list)
    receipts: list[UnfinishedMessage] = msgspec.field(default_factory=list)
    impostors: list[str] = msgspec.field(default_factory=list)
    refused: int = 0
    deleted: int = 0
    """Received messages that were kept for as long as the user has set."""
    forgotten: int = 0
    """Messages of which some fragments had come, and the rest did not."""
    stored_bytes: int = 0
    """How long the bodies are that came into the inbox."""
    is_full: bool = False
    """Whether unread messages take all the room that the user has set."""


class Surroundings(msgspec.Struct, frozen=True):
    """The facts by which a batch is judged: when it came, who we are and the network of that moment.

    `stands_still`: whether the clock is behind the network, so that `now_s` is always the earliest that it can be.
    """

    now_s: float
    account: Account
    document: Document
    sphinx: Sphinx
    stands_still: bool = False


def surroundings(session: Session) -> Surroundings | None:
    """Return what a batch that comes now is judged by; None while no packets can be made either."""
    account, maker = session.account, session.maker()
    if account is None or maker is None:
        return None
    now_s = session.dated_s
    return Surroundings(now_s, account, maker.document, maker.sphinx, stands_still=now_s > session.now_s)


@dataclass(frozen=True)
class Arrivals:
    """Puts what has come whole into the inbox."""

    poster: Poster
    writer: Writer

    def take(self, connection: Connection, stream: bytes, around: Surroundings, outcome: BatchOutcome) -> None:
        """Take an encoded message, if it is one and its signature holds."""
        try:
            content = decode_content(stream, recipient=self.writer.keys.identity_key.public)
        except PeerError:
            outcome.refused += 1
            return
        match content:
            case SignedMessage():
                self._take_signed(connection, content, around, outcome)
            case AnonymousMessage():
                self._take_anonymous(connection, content, around, outcome)
            case Receipt():
                row = outgoing.record_receipt(
                    connection, content.received.hex(), identity=content.sender.identity, now_s=around.now_s
                )
                if row is not None:
                    outcome.received.append(row)

    def take_reply(
        self, connection: Connection, surb_id: bytes, body: bytes, around: Surroundings, outcome: BatchOutcome
    ) -> None:
        """Take what came by a reply block that we gave away in an anonymous message."""
        block = replies.find_handed(connection, surb_id)
        if block is None:
            return  # an acknowledgement or answer that came too late, or a block that was used before
        try:
            payload = open_reply(SurbKeys.decode(block.surb_keys), body, sphinx=around.sphinx)
            fragment = open_reply_fragment(payload, reply_key=block.reply_key, number=block.number)
        except PeerError:
            outcome.refused += 1
            return
        replies.add_reply(connection, block, surb_id, fragment, around.now_s)
        self.pass_replies(connection, block.group, around, outcome)

    def pass_replies(self, connection: Connection, group: int, around: Surroundings, outcome: BatchOutcome) -> None:
        """Hand over complete replies in their order; a missing one holds the next up for a while only."""
        turn, complete = replies.waiting_replies(connection, group)
        address, identity = replies.contact_of(connection, group)
        for reply in complete:
            waited_s = HOLD_REPLY_S if around.stands_still else abs(around.now_s - reply.received_at_s)
            if reply.sequence > turn and waited_s < HOLD_REPLY_S:
                return
            replies.pass_reply(connection, group, reply.sequence)
            turn = reply.sequence + 1
            try:
                message = join_reply(reply.parts)
            except PeerError:
                outcome.refused += 1
                continue
            arrival = Arrival(
                author=identity,
                message_id=reply.message_id.hex(),
                sender=address,
                verified=_trust(contacts.find_by_identity(connection, identity)),
                kind=message.kind,
                body=message.body,
                received_at_s=around.now_s,
            )
            self._insert(connection, arrival, outcome)

    def _take_signed(
        self, connection: Connection, message: SignedMessage, around: Surroundings, outcome: BatchOutcome
    ) -> None:
        contact, shown, verified = self._judge(connection, message.sender, around, outcome)
        arrival = Arrival(
            author=message.sender.identity,
            message_id=message.message_id.hex(),
            sender=shown,
            verified=verified,
            kind=message.kind,
            body=message.body,
            received_at_s=around.now_s,
        )
        is_new = self._insert(connection, arrival, outcome)
        if is_new and contact is not None and self.writer.settings.receipts:
            # In the transaction that stores the message: then a crash gives neither two receipts nor none.
            receipt = self.poster.post_receipt(
                connection,
                contact,
                received=message.message_id,
                account=around.account,
                params=around.document.params,
                now_s=around.now_s,
            )
            if receipt is not None:
                outcome.receipts.append(receipt)

    def _judge(
        self, connection: Connection, sender: Sender, around: Surroundings, outcome: BatchOutcome
    ) -> tuple[PinnedContact | None, str, Verified]:
        claimed = _address(sender.name, sender.provider, around.document)
        # By the key, which proves something, before the address, which is a claim.
        pinned = contacts.find_by_identity(connection, sender.identity, rather=claimed)
        if pinned is not None:
            # By a name of its domain the gateway of all its names would be shown as one of their owners.
            shared = is_shared(pinned.address, around.document, account=pinned.name)
            shown = _address(pinned.name, pinned.provider, around.document) if shared else pinned.address
            return pinned, shown, pinned.verified
        other = contacts.find_by_claim(connection, claimed, name=sender.name, provider=sender.provider)
        verdict = judge_sender(claimed, sender.identity, other.identity if other is not None else None)
        if other is not None and isinstance(verdict, Impostor):
            # By the address of the contact, which its user knows it by.
            outcome.impostors.append(other.address)
        return None, shown_sender(verdict), _trust(other if isinstance(verdict, PinnedSender) else None)

    def _take_anonymous(
        self, connection: Connection, message: AnonymousMessage, around: Surroundings, outcome: BatchOutcome
    ) -> None:
        if not _blocks_can_be_used(message.blocks, around):
            outcome.refused += 1
            return
        reply_to = f"{REPLY_PREFIX}{self.writer.rng.randbytes(16).hex()}" if message.blocks else ""
        arrival = Arrival(
            author=b"",
            message_id=message.message_id.hex(),
            sender=None,
            verified=Verified.UNKNOWN,
            kind=message.kind,
            body=message.body,
            received_at_s=around.now_s,
            reply_to=reply_to,
        )
        if self._insert(connection, arrival, outcome) and message.blocks:
            last = max(block.epoch for block in message.blocks)
            expires_at_s = float(epoch_start_s(last + 1, around.document.params.epoch_length_s))
            replies.keep_blocks(
                connection, reply_to, reply_key=message.reply_key, blocks=message.blocks, expires_at_s=expires_at_s
            )

    def _insert(self, connection: Connection, arrival: Arrival, outcome: BatchOutcome) -> bool:
        if incoming.insert_arrival(connection, arrival) is None:
            return False
        outcome.kinds.add(arrival.kind)
        outcome.stored_bytes += len(arrival.body)
        return True


def _address(name: str, provider: Identity, document: Document) -> str:
    entry = document.node(provider)
    return f"{name}@{entry.name if entry is not None else provider.hex()}"


def _trust(contact: PinnedContact | None) -> Verified:
    return Verified.UNKNOWN if contact is None else contact.verified


def _blocks_can_be_used(blocks: Sequence[ReplyBlock], around: Surroundings) -> bool:
    """Tell whether reply blocks have the right form, and their epochs are near enough for keys to be known.

    A reply by a block of a later epoch would wait in the queue for ever, and a sender of many would fill it.
    """
    params = around.document.params
    last_epoch = epoch_at(around.now_s, params.epoch_length_s) + MAX_VALID_EPOCHS
    try:
        for block in blocks:
            decode_surb(block.surb, around.sphinx.geometry)
    except PeerError:
        return False
    return all(block.epoch <= last_epoch for block in blocks)

"""What comes from the mailbox, into the store: fragments become messages, each exactly once. Runs in the worker.

One call is one transaction; only after it may the provider be told to delete the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection

from client.core.arguments import REPLY_PREFIX
from client.core.content import AnonymousMessage, Receipt, ReplyBlock, Sender, SignedMessage, decode_content
from client.core.fragments import FragmentSizes, fragment_id
from client.core.pins import Impostor, PinnedSender, judge_sender, shown_sender
from client.core.reassembly import (
    Added,
    Began,
    Completed,
    Kept,
    MessageForgotten,
    OrphanForgotten,
    Reassembly,
    ReassemblyFact,
    ReassemblyLimits,
    Refused,
    Repeated,
)
from client.core.replies import join_reply, open_reply_fragment
from client.posting import Poster
from client.session import Account
from client.settings import DAY_S
from client.store import contacts, incoming, outgoing, replies
from client.store.contacts import PinnedContact
from client.store.incoming import Arrival, TakenFragment
from client.store.outgoing import MessageRow, UnfinishedMessage
from loopixmix.directory import Document
from loopixmix.directory.document import MAX_VALID_EPOCHS
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.errors import PeerError
from loopixmix.sphinx import Geometry, PacketError, SurbKeys, decode_surb, open_reply

REMEMBER_S = 60 * DAY_S
"""How long a fragment is remembered: longer than its sender repeats it and its mailbox keeps it."""
HOLD_REPLY_S = 60.0
"""How long a reply waits for an earlier one that has not come."""


class Outcome(msgspec.Struct):
    """What a batch of items has brought."""

    kinds: set[str] = msgspec.field(default_factory=set)
    received: list[MessageRow] = msgspec.field(default_factory=list)
    receipts: list[UnfinishedMessage] = msgspec.field(default_factory=list)
    impostors: list[str] = msgspec.field(default_factory=list)
    refused: int = 0


class Surroundings(msgspec.Struct, frozen=True):
    """What a batch is judged by: when it came, who we are and the network of that moment."""

    now_s: float
    account: Account
    document: Document


@dataclass
class Receiver:
    """Takes fragments and replies; its picture of what is unfinished follows the store's."""

    poster: Poster
    _reassembly: Reassembly | None = field(default=None)
    _taken: list[TakenFragment] = field(default_factory=list)
    """Fragments of this batch that are not written yet."""

    def receive(
        self,
        connection: Connection,
        fragments: Sequence[bytes],
        reply_bodies: Sequence[tuple[bytes, bytes]],
        around: Surroundings,
    ) -> Outcome:
        """Store what these items hold. `reply_bodies`: (reply block id, body), of blocks that we gave away."""
        outcome = Outcome()
        self._taken.clear()
        # Taken out while the transaction runs: where that fails, the store is read anew.
        reassembly, self._reassembly = self._reassembly, None
        reassembly = self._current(connection, reassembly, around)
        seen = incoming.seen_of(connection, [fragment_id(fragment) for fragment in fragments])
        for fragment in fragments:
            if fragment_id(fragment) not in seen:
                facts = reassembly.receive(fragment, around.now_s)
                self._apply(connection, reassembly, facts, fragment, around, outcome)
                seen.add(fragment_id(fragment))
        for surb_id, body in reply_bodies:
            self._receive_reply(connection, surb_id, body, around, outcome)
        self._write_taken(connection, around)
        self._reassembly = reassembly
        return outcome

    def tidy(self, connection: Connection, around: Surroundings) -> Outcome:
        """Forget what is too old, and hand over replies that waited long enough for earlier ones."""
        outcome = Outcome()
        reassembly, self._reassembly = self._reassembly, None
        reassembly = self._current(connection, reassembly, around)
        self._apply(connection, reassembly, reassembly.expire(around.now_s), b"", around, outcome)
        for group in replies.groups_with_replies(connection):
            self._pass_replies(connection, group, around, outcome)
        incoming.expire_seen(connection, around.now_s)
        replies.expire(connection, around.now_s)
        outgoing.prune(connection, around.now_s - self.poster.settings.keep_finished_s)
        self._reassembly = reassembly
        return outcome

    def _current(self, connection: Connection, reassembly: Reassembly | None, around: Surroundings) -> Reassembly:
        sizes = FragmentSizes(around.document.params.payload_bytes)
        if reassembly is not None and reassembly.sizes == sizes:
            return reassembly
        identity = self.poster.keys.identity.public
        fresh = Reassembly(identity, self.poster.sealer, sizes, ReassemblyLimits())
        fresh.restore(*incoming.unfinished(connection))
        return fresh

    def _apply(
        self,
        connection: Connection,
        reassembly: Reassembly,
        facts: Sequence[ReassemblyFact],
        fragment: bytes,
        around: Surroundings,
        outcome: Outcome,
    ) -> None:
        for fact in facts:
            match fact:
                case Began(head_id=head_id, head=head):
                    incoming.begin(
                        connection,
                        head_id,
                        message_key=head.message_key,
                        total_bytes=head.total_bytes,
                        now_s=around.now_s,
                    )
                case Added(head_id, index, data):
                    self._taken.append(TakenFragment(head_id, index, data, fragment_id(fragment)))
                case Completed(head_id):
                    reassembly.finish(head_id)
                    self._write_taken(connection, around)
                    self._complete(connection, incoming.join(connection, head_id), around, outcome)
                case Kept(orphan_id):
                    incoming.keep_orphan(connection, orphan_id, fragment, around.now_s)
                case MessageForgotten(head_id):
                    self._write_taken(connection, around)
                    incoming.forget_message(connection, head_id)
                case OrphanForgotten(orphan_id):
                    incoming.take_orphan(connection, orphan_id)
                case Refused():
                    outcome.refused += 1
                case Repeated():
                    pass
        for fact in facts:
            if isinstance(fact, Began):
                self._adopt_orphans(connection, reassembly, fact, around, outcome)

    def _write_taken(self, connection: Connection, around: Surroundings) -> None:
        taken, self._taken = self._taken, []
        incoming.add_data(connection, taken, now_s=around.now_s, remember_until_s=around.now_s + REMEMBER_S)

    def _adopt_orphans(
        self, connection: Connection, reassembly: Reassembly, began: Began, around: Surroundings, outcome: Outcome
    ) -> None:
        for orphan_id, index in began.orphans:
            orphan = incoming.take_orphan(connection, orphan_id)
            if orphan is not None:
                facts = reassembly.adopt(began.head_id, index, orphan, around.now_s)
                self._apply(connection, reassembly, facts, orphan, around, outcome)

    def _complete(self, connection: Connection, stream: bytes, around: Surroundings, outcome: Outcome) -> None:
        try:
            content = decode_content(stream, recipient=self.poster.keys.identity.public)
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

    def _take_signed(
        self, connection: Connection, message: SignedMessage, around: Surroundings, outcome: Outcome
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
        if is_new and contact is not None and self.poster.settings.receipts:
            receipt = self.poster.post_receipt(
                connection,
                contact,
                received=message.message_id,
                account=around.account,
                params=around.document.params,
                now_s=around.now_s,
            )
            outcome.receipts.append(receipt)

    def _judge(
        self, connection: Connection, sender: Sender, around: Surroundings, outcome: Outcome
    ) -> tuple[PinnedContact | None, str, bool]:
        pinned = contacts.find_by_identity(connection, sender.identity)
        if pinned is not None:
            return pinned, pinned.address, True
        provider = around.document.node(sender.provider)
        provider_name = provider.name if provider is not None else sender.provider.hex()
        claimed = f"{sender.name}@{provider_name}"
        other = contacts.find_by_claim(connection, claimed, name=sender.name, provider=sender.provider)
        verdict = judge_sender(claimed, sender.identity, other.identity if other is not None else None)
        if isinstance(verdict, Impostor):
            outcome.impostors.append(verdict.address)
        return None, shown_sender(verdict), isinstance(verdict, PinnedSender)

    def _take_anonymous(
        self, connection: Connection, message: AnonymousMessage, around: Surroundings, outcome: Outcome
    ) -> None:
        if not _blocks_can_be_used(message.blocks, around):
            outcome.refused += 1
            return
        reply_to = f"{REPLY_PREFIX}{self.poster.rng.randbytes(16).hex()}" if message.blocks else ""
        arrival = Arrival(
            author=b"",
            message_id=message.message_id.hex(),
            sender=None,
            verified=False,
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

    def _receive_reply(
        self, connection: Connection, surb_id: bytes, body: bytes, around: Surroundings, outcome: Outcome
    ) -> None:
        block = replies.find_handed(connection, surb_id)
        if block is None:
            return  # an acknowledgement or answer that came too late, or a block that was used before
        geometry = Geometry.for_network(around.document.params)
        try:
            payload = open_reply(SurbKeys.decode(block.surb_keys), body, geometry=geometry)
            fragment = open_reply_fragment(payload, reply_key=block.reply_key, number=block.number)
        except (PacketError, PeerError):
            outcome.refused += 1
            return
        replies.add_reply(connection, block, surb_id, fragment, around.now_s)
        self._pass_replies(connection, block.group, around, outcome)

    def _pass_replies(self, connection: Connection, group: int, around: Surroundings, outcome: Outcome) -> None:
        """Hand over complete replies in their order; a missing one holds the next up for a while only."""
        turn, complete = replies.waiting_replies(connection, group)
        address, identity = replies.contact_of(connection, group)
        for reply in complete:
            if reply.sequence > turn and around.now_s - reply.received_at_s < HOLD_REPLY_S:
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
                verified=True,
                kind=message.kind,
                body=message.body,
                received_at_s=around.now_s,
            )
            self._insert(connection, arrival, outcome)

    def _insert(self, connection: Connection, arrival: Arrival, outcome: Outcome) -> bool:
        if incoming.insert_arrival(connection, arrival) is None:
            return False
        outcome.kinds.add(arrival.kind)
        return True


def _blocks_can_be_used(blocks: Sequence[ReplyBlock], around: Surroundings) -> bool:
    """Tell whether reply blocks have the right form, and none is of an epoch for which nobody can have keys yet.

    A reply by such a block would wait in the queue for ever, and a sender of many would fill it.
    """
    params = around.document.params
    geometry = Geometry.for_network(params)
    last_epoch = epoch_at(around.now_s, params.epoch_length_s) + MAX_VALID_EPOCHS
    try:
        for block in blocks:
            decode_surb(block.surb, geometry)
    except PeerError:
        return False
    return all(block.epoch <= last_epoch for block in blocks)

"""From the mailbox into the store: fragments become messages, each exactly once. Runs where the store is used.

Only when the transaction is committed may the provider be told to delete the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, RootTransaction

from client.core.fragments import FragmentSizes, fragment_id
from client.core.reassembly import (
    GATEWAY_LIMITS,
    Added,
    Began,
    Completed,
    MessageForgotten,
    OrphanForgotten,
    OrphanKept,
    Reassembly,
    ReassemblyFact,
    ReassemblyLimits,
    Refused,
    Repeated,
)
from client.core.settings import DAY_S
from client.receiving.arrivals import Arrivals, BatchOutcome, Surroundings
from client.sending.letters import Writer
from client.store import incoming, outgoing, replies
from client.store.incoming import TakenFragment

REMEMBER_S = 60 * DAY_S
"""How long a fragment is remembered: longer than its sender repeats it and its mailbox keeps it."""


DELETED_AT_ONCE = 1_000
"""So many old messages are deleted a minute, so that what comes need not wait for long: more than come in that time."""
FORGOTTEN_AT_ONCE = 5_000
"""The same for sent ones, which have no bodies any more."""


@dataclass(frozen=True)
class ReceivedBatch:
    """What a transaction did: the outcome to tell, and the picture of what is unfinished, once it is committed."""

    outcome: BatchOutcome
    reassembly: Reassembly


@dataclass
class Receiver:
    """Takes fragments and replies; its picture of what is unfinished follows the store's.

    `receive` and `tidy` work in a transaction, which several of them may share; `committed` must hear of each before
    the next transaction begins.
    """

    arrivals: Arrivals
    writer: Writer
    _reassembly: Reassembly | None = field(default=None)
    _transaction: RootTransaction | None = field(default=None)
    """The one that the picture has in it, while it is not committed."""
    _taken: list[TakenFragment] = field(default_factory=list)
    """Fragments of this batch that are not written yet."""
    _unread_bytes: int | None = field(default=None)
    """How much unread messages take, at most; None before it was measured."""

    def receive(
        self,
        connection: Connection,
        fragments: Sequence[bytes],
        reply_bodies: Sequence[tuple[bytes, bytes]],
        around: Surroundings,
    ) -> ReceivedBatch:
        """Store what these items hold. `reply_bodies`: (reply block id, body), of blocks that we gave away."""
        reassembly, outcome = self._begin(connection, around), BatchOutcome()
        seen = incoming.seen_of(connection, [fragment_id(fragment) for fragment in fragments])
        for fragment in fragments:
            if fragment_id(fragment) not in seen:
                facts = reassembly.receive(fragment, around.now_s)
                self._apply(connection, reassembly, facts, fragment, around, outcome)
                seen.add(fragment_id(fragment))
        for surb_id, body in reply_bodies:
            self.arrivals.take_reply(connection, surb_id, body, around, outcome)
        self._write_taken(connection, around)
        outcome.is_full = self._is_full(connection, outcome.stored_bytes)
        return self._end(reassembly, outcome)

    def tidy(self, connection: Connection, around: Surroundings) -> ReceivedBatch:
        """Forget what is too old, and hand over replies that waited long enough for earlier ones."""
        reassembly, outcome = self._begin(connection, around), BatchOutcome()
        for group in replies.groups_with_replies(connection):
            self.arrivals.pass_replies(connection, group, around, outcome)
        # Only while the network agrees about the time: a clock a year ahead would delete all mail.
        if around.document.agrees_with(around.now_s):
            self._apply(connection, reassembly, reassembly.expire(around.now_s), b"", around, outcome)
            incoming.expire_seen(connection, around.now_s)
            replies.expire(connection, around.now_s)
            outcome.deleted = self._delete_old(connection, around.now_s)
        outcome.is_full = self.measure(connection)
        return self._end(reassembly, outcome)

    def measure(self, connection: Connection) -> bool:
        """Tell whether unread messages take all that they may."""
        self._unread_bytes = None
        return self._is_full(connection, 0)

    def _is_full(self, connection: Connection, stored_bytes: int) -> bool:
        """Tell whether unread messages take all that they may, now that `stored_bytes` came."""
        most_bytes = self.writer.settings.keep_received_bytes
        was_full = self._unread_bytes is not None and self._unread_bytes > most_bytes
        if self._unread_bytes is not None:
            self._unread_bytes += stored_bytes
        # What was read meanwhile is not counted out. So the store is asked once more before the mailbox has to wait;
        # from then on only `measure` asks, because all unread messages are read for it.
        if self._unread_bytes is None or (self._unread_bytes > most_bytes and not was_full):
            self._unread_bytes = incoming.unread_bytes(connection, most_bytes=most_bytes)
        return self._unread_bytes > most_bytes

    def _delete_old(self, connection: Connection, now_s: float) -> int:
        settings = self.writer.settings
        outgoing.prune(
            connection,
            before_s=now_s - settings.keep_finished_s,
            most=settings.keep_finished_messages,
            limit=FORGOTTEN_AT_ONCE,
        )
        deleted = incoming.delete_old(
            connection,
            before_s=now_s - settings.keep_received_s,
            most_bytes=settings.keep_received_bytes,
            limit=DELETED_AT_ONCE,
        )
        for reply_to in filter(None, deleted):
            replies.forget_group(connection, reply_to)
        return len(deleted)

    def committed(self, received: ReceivedBatch) -> None:
        """Hear that the transaction of `received` is on the disk."""
        self._reassembly, self._transaction = received.reassembly, None

    def _begin(self, connection: Connection, around: Surroundings) -> Reassembly:
        # The picture counts again once the transaction is committed: if that fails, the store is read anew. Within one
        # transaction it goes on from batch to batch. It was read anew for each, once: with hundreds of messages under
        # way that took longer than the batches did, the more of them came, the more shared a transaction, and a busy
        # client fell behind for good.
        transaction = connection.get_transaction()
        is_ours = self._transaction is None or self._transaction is transaction
        reassembly = self._reassembly if is_ours else None
        self._reassembly, self._transaction = None, transaction
        self._taken.clear()
        sizes = FragmentSizes(around.document.params.payload_bytes)
        if reassembly is not None and reassembly.sizes == sizes:
            return reassembly
        identity = self.writer.keys.identity_key.public
        limits = GATEWAY_LIMITS if self.writer.settings.gateway else ReassemblyLimits()
        fresh = Reassembly(identity, self.writer.sealer, sizes, limits)
        fresh.restore(*incoming.unfinished(connection))
        return fresh

    def _end(self, reassembly: Reassembly, outcome: BatchOutcome) -> ReceivedBatch:
        # For the next batch of this transaction. One that raised an error leaves no picture behind.
        self._reassembly = reassembly
        return ReceivedBatch(outcome, reassembly)

    def _apply(
        self,
        connection: Connection,
        reassembly: Reassembly,
        facts: Sequence[ReassemblyFact],
        fragment: bytes,
        around: Surroundings,
        outcome: BatchOutcome,
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
                    self.arrivals.take(connection, incoming.join(connection, head_id), around, outcome)
                case OrphanKept(orphan_id):
                    incoming.keep_orphan(connection, orphan_id, fragment, around.now_s)
                case MessageForgotten(head_id):
                    self._write_taken(connection, around)
                    incoming.forget_message(connection, head_id)
                    outcome.forgotten += 1
                case OrphanForgotten(orphan_id):
                    incoming.take_orphan(connection, orphan_id)
                case Refused():
                    outcome.refused += 1
                case Repeated():
                    pass
        # After all else: an orphan may complete the message, and the message must be in the store by then.
        for fact in facts:
            if isinstance(fact, Began):
                self._adopt_orphans(connection, reassembly, fact, around, outcome)

    def _write_taken(self, connection: Connection, around: Surroundings) -> None:
        # Collected over a batch: one statement with many rows takes little longer than one with one row.
        taken, self._taken = self._taken, []
        incoming.add_data(connection, taken, now_s=around.now_s, remember_until_s=around.now_s + REMEMBER_S)

    def _adopt_orphans(
        self, connection: Connection, reassembly: Reassembly, began: Began, around: Surroundings, outcome: BatchOutcome
    ) -> None:
        for orphan_id, index in began.orphans:
            orphan = incoming.take_orphan(connection, orphan_id)
            if orphan is not None:
                facts = reassembly.adopt(began.head_id, index, orphan, around.now_s)
                self._apply(connection, reassembly, facts, orphan, around, outcome)

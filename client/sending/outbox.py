"""The messages that are on their way: sent in turns, sent again where no acknowledgement came, given up at last.

What happens here is written to the store soon after; should a crash come between, a fragment is sent once more, and
its recipient takes it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import MessageState, StateChange
from client.core.delivery import FINISHED, Delivery
from client.core.expectation import Expectations, Expected
from client.core.packets import MadePacket, PacketMaker
from client.core.retry import RetryPolicy
from client.sending.anonymous import AnonymousPoster
from client.sending.ledger import Ledger
from client.sending.payloads import FragmentKey, Job, PayloadQueue
from client.store import outgoing
from client.store.access import StoreAccess
from client.store.outgoing import REPLY, MessageRow, StoredFragment, UnfinishedMessage
from loopixmix.errors import UnavailableError
from loopixmix.seams import Clock, NodeId, Rng
from loopixmix.sphinx import PacketError, Sphinx, open_reply

log = Logger()

MAX_EXPECTED = 8192
ABSENT_S = 30.0
"""How long a message rests whose recipient's provider is not in the network document."""


@dataclass
class _Message:
    """A message on its way."""

    row: MessageRow
    form: str
    mailbox: NodeId
    provider: NodeId
    delivery: Delivery
    not_before_s: float
    is_draft: bool
    held: dict[int, int | None] = field(default_factory=dict)
    """Fragments that do not take turns yet, with the epoch that they wait for."""


class Outbox:
    """All messages of which something may still be sent."""

    def __init__(
        self,
        *,
        queue: PayloadQueue,
        ledger: Ledger,
        anonymous: AnonymousPoster,
        access: StoreAccess,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """Take the neighbours."""
        self.policy = RetryPolicy(first_s=60.0, longest_s=3600.0)
        self._queue = queue
        self._ledger = ledger
        self._anonymous = anonymous
        self._access = access
        self._clock = clock
        self._rng = rng
        self._messages: dict[MessageRow, _Message] = {}
        self._expected: Expectations[FragmentKey] = Expectations(capacity=MAX_EXPECTED)
        self._held: set[MessageRow] = set()
        self._sealing: set[MessageRow] = set()

    @property
    def queued_messages(self) -> int:
        """How many messages are on their way."""
        return len(self._messages)

    @property
    def queued_fragments(self) -> int:
        """How many of their fragments are not acknowledged."""
        return sum(m.delivery.fragments - m.delivery.acknowledged for m in self._messages.values())

    def add(self, stored: UnfinishedMessage) -> None:
        """Send a message that is in the store."""
        positions = [position for position, _ in stored.waiting]
        delivery = Delivery(
            fragments=stored.fragments,
            unacknowledged=positions,
            state=stored.state,
            sent=stored.sent,
            give_up_at_s=stored.give_up_at_s,
        )
        self._messages[stored.row] = _Message(
            row=stored.row,
            form=stored.form,
            mailbox=stored.mailbox,
            provider=stored.provider,
            delivery=delivery,
            not_before_s=stored.not_before_s,
            is_draft=stored.is_draft,
            held=dict(stored.waiting),
        )
        self._held.add(stored.row)

    def delivery(self, row: MessageRow) -> Delivery | None:
        """Return how far a message is, while it is on its way."""
        message = self._messages.get(row)
        return message.delivery if message is not None else None

    def release(self, maker: PacketMaker) -> None:
        """Let everything take turns whose time has come: drafts are sealed, replies wait for their epoch."""
        now_s = self._clock.seconds()
        epoch = maker.epoch(now_s)
        for row in list(self._held):
            message = self._messages.get(row)
            if message is None or not message.held:
                self._held.discard(row)
            elif message.not_before_s > now_s:
                continue
            elif message.is_draft:
                self._seal(message, maker)
            else:
                due = [position for position, waits in message.held.items() if waits is None or waits <= epoch]
                for position in due:
                    del message.held[position]
                self._queue.add(row, due)

    def load(self, wanted: Sequence[FragmentKey]) -> Deferred[dict[FragmentKey, Job]]:
        """Fetch fragments from the store."""

        def make_jobs(found: Mapping[FragmentKey, StoredFragment]) -> dict[FragmentKey, Job]:
            return {
                (row, position): FragmentJob(self, self._messages[row], position, stored)
                for (row, position), stored in found.items()
                if row in self._messages
            }

        loading = self._access.read(lambda c: outgoing.load_fragments(c, wanted))
        return loading.addCallback(make_jobs)

    def on_reply(self, surb_id: bytes, body: bytes, sphinx: Sphinx) -> bool:
        """Take what came by a reply block; false where the block is not one of an acknowledgement."""
        expected = self._expected.find(surb_id)
        if expected is None:
            return False
        try:
            open_reply(expected.keys, body, sphinx=sphinx)
        except PacketError:
            return True  # not an acknowledgement after all: the fragment will be overdue
        self._expected.settle(surb_id)
        row, position = expected.subject
        message = self._messages.get(row)
        if message is None or not message.delivery.is_waiting_for(position):
            return True
        self._queue.discard(row, position)
        change = message.delivery.on_acknowledged(position, self._clock.seconds())
        self._ledger.done(row, position)
        self._record(message, change)
        return True

    def on_receipt(self, row: MessageRow) -> None:
        """Note that the recipient itself has told that a message came."""
        message = self._messages.get(row)
        if message is not None:
            self._record(message, message.delivery.on_receipt(self._clock.seconds()))

    def send_again(self) -> None:
        """Let overdue fragments take turns again."""
        now_s = self._clock.seconds()
        for row, position in self._expected.overdue(now_s):
            message = self._messages.get(row)
            if message is not None and message.delivery.is_waiting_for(position):
                self._record(message, message.delivery.on_overdue(position, now_s))
                self._queue.add(row, [position])

    def give_up(self) -> None:
        """Let messages fail that have waited too long."""
        now_s = self._clock.seconds()
        for message in [m for m in self._messages.values() if m.delivery.give_up_at_s <= now_s]:
            self._fail(message, _failure_reason(message))

    def postpone(self) -> None:
        """Let nothing be overdue before it could be: there was no link."""
        self._expected.postpone(self._clock.seconds() + self.policy.first_s)

    # What follows is for FragmentJob.

    def sent(self, message: _Message, position: int, made: MadePacket | None, now_s: float) -> None:
        """Note that a fragment left; `made` is None for a reply, which nobody acknowledges."""
        change = message.delivery.on_sent(position, now_s)
        row = message.row
        if made is not None:
            timeout_s = self.policy.timeout_s(message.delivery.attempt(position), self._rng.random())
            self._expected.expect(made.surb_id, Expected((row, position), made.keys, now_s), now_s + timeout_s)
        self._record(message, change)
        if made is None:
            self._ledger.done(row, position)
            if message.delivery.sent == message.delivery.fragments:
                self._ledger.end(row, now_s)
                self._messages.pop(row, None)
        self._ledger.flush_soon()

    def resume(self, message: _Message, position: int) -> None:
        """Let a fragment that did not leave take its turn again."""
        if message.row in self._messages:
            self._queue.add(message.row, [position])

    def rest(self, message: _Message, position: int) -> None:
        """Let a fragment wait whose recipient's provider is away."""
        message.not_before_s = self._clock.seconds() + ABSENT_S
        message.held[position] = None
        self._held.add(message.row)

    def fail(self, message: _Message, reason: str) -> None:
        """Give a message up."""
        self._fail(message, reason)

    def _fail(self, message: _Message, reason: str) -> None:
        self._record(message, message.delivery.on_given_up(reason, self._clock.seconds()))

    def _record(self, message: _Message, change: StateChange | None) -> None:
        row, delivery = message.row, message.delivery
        self._ledger.count(row, sent=delivery.sent, acknowledged=delivery.acknowledged)
        if change is not None:
            self._ledger.change(row, change)
        if delivery.state in FINISHED:
            self._messages.pop(row, None)
            self._queue.remove(row)

    def _seal(self, message: _Message, maker: PacketMaker) -> None:
        row = message.row
        if row in self._sealing:
            return
        self._sealing.add(row)
        now_s = self._clock.seconds()

        def sealed(fragments: int) -> None:
            self._sealing.discard(row)
            message.is_draft = False
            message.held.clear()
            message.delivery.on_sealed(fragments)
            self._queue.add(row, range(fragments))

        def not_sealed(failure: Failure) -> None:
            self._sealing.discard(row)
            if isinstance(failure.value, UnavailableError):
                message.not_before_s = now_s + ABSENT_S
            else:
                log.error("a message cannot be sealed: {reason}", reason=failure.getErrorMessage())

        sealing = self._access.write(lambda c: self._anonymous.seal_draft(c, row, maker, now_s))
        sealing.addCallbacks(sealed, not_sealed)


class FragmentJob:
    """One fragment of a message, fetched."""

    def __init__(self, outbox: Outbox, message: _Message, position: int, stored: StoredFragment) -> None:
        self._outbox = outbox
        self._message = message
        self._position = position
        self._stored = stored
        self._made: MadePacket | None = None

    @property
    def wanted(self) -> bool:
        """Tell whether it is not acknowledged yet."""
        delivery = self._message.delivery
        return delivery.state not in FINISHED and delivery.is_waiting_for(self._position)

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        """Return the packet of this fragment."""
        if self._message.form == REPLY:
            return self._reply_packet(maker, now_s)
        if len(self._stored.payload) != maker.geometry.payload_bytes:
            self._outbox.fail(self._message, "the network has changed the size of its packets: send it again")
            return None
        try:
            self._made = maker.deliver(
                self._message.mailbox, self._stored.payload, provider=self._message.provider, now_s=now_s
            )
        except UnavailableError:
            self._outbox.rest(self._message, self._position)
            return None
        return self._made.packet

    def on_sent(self, now_s: float) -> None:
        """Note that it left."""
        self._outbox.sent(self._message, self._position, self._made, now_s)

    def on_unsent(self) -> None:
        """Note that it did not leave."""
        self._outbox.resume(self._message, self._position)

    def _reply_packet(self, maker: PacketMaker, now_s: float) -> bytes | None:
        epoch = self._stored.epoch
        fits = len(self._stored.payload) == maker.geometry.packet_bytes
        if not fits or epoch is None or epoch < maker.epoch(now_s):
            self._outbox.fail(self._message, "the reply blocks of the anonymous sender have expired")
            return None
        return self._stored.payload


def _failure_reason(message: _Message) -> str:
    delivery = message.delivery
    if message.form == REPLY:
        return "the reply blocks of the anonymous sender have expired"
    if delivery.state is MessageState.QUEUED:
        return "it could not be sent in time"
    return f"given up: {delivery.acknowledged} of {delivery.fragments} fragments were acknowledged in time"

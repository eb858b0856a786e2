"""The messages that are on their way: sent in turns, sent again if no acknowledgement came, given up at last.

Each step is written to the store soon after it. If the process dies before that, a fragment is sent once more, and
its recipient still takes it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import MessageState, StateChange
from client.core.delivery import FINISHED, Delivery, Stage
from client.core.expectation import Expectations, Expected
from client.core.packets import MadePacket, PacketMaker
from client.link.session import Session
from client.sending.drafts import Drafts
from client.sending.ledger import Ledger
from client.sending.payloads import PayloadJob, PayloadQueue
from client.store.outgoing import REPLY, MessageRow, StoredFragment, UnfinishedMessage
from loopixmix.errors import UnavailableError

log = Logger()

ABSENT_S = 30.0
"""How long a message rests whose recipient's provider is not in the network document."""
EXPIRED = "the reply blocks of the anonymous sender have expired"


@dataclass(eq=False)
class _Message:
    """A message on its way: one flow of the payload queue."""

    outbox: Outbox
    stored: UnfinishedMessage
    delivery: Delivery
    epochs: Mapping[int, int]
    """Fragments that can be sent in one epoch only."""
    not_before_s: float
    is_draft: bool
    is_being_sealed: bool = False

    @property
    def row(self) -> MessageRow:
        return self.stored.row

    def take_turn(self, position: int) -> bool:
        return self.delivery.move(position, Stage.FETCHING)

    def give_back(self, position: int) -> bool:
        return self.delivery.move(position, Stage.WAITING)

    def job(self, position: int, stored: StoredFragment | None) -> PayloadJob | None:
        if stored is None or not self.delivery.move(position, Stage.READY):
            return None
        return FragmentJob(self.outbox, self, position, stored)

    def due(self, epoch: int) -> list[int]:
        """Return the held fragments whose epoch, if they have one, has come."""
        return [position for position in self.delivery.held if self.epochs.get(position, epoch) <= epoch]


@dataclass(frozen=True)
class _Acknowledgement:
    """The purpose of a fragment's reply block."""

    message: _Message
    position: int

    def on_answer(self, payload: bytes, now_s: float) -> bool:  # noqa: ARG002 (an acknowledgement says nothing)
        self.message.outbox.acknowledged(self.message, self.position, now_s)
        return True

    def on_overdue(self, now_s: float) -> None:
        self.message.outbox.overdue(self.message, self.position, now_s)


class Outbox:
    """All messages of which something may still be sent."""

    def __init__(
        self,
        *,
        session: Session,
        queue: PayloadQueue,
        expectations: Expectations,
        ledger: Ledger,
        drafts: Drafts,
    ) -> None:
        """Begin without messages.

        `session`: makes the packets; `queue`: where fragments take turns; `expectations`: where acknowledgements are
        waited for; `ledger`: writes down what became of messages; `drafts`: anonymous messages that are not sealed yet.
        """
        self._session = session
        self._queue = queue
        self._expectations = expectations
        self._ledger = ledger
        self._drafts = drafts
        self._messages: dict[MessageRow, _Message] = {}
        self._resting: dict[MessageRow, _Message] = {}

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
        delivery = Delivery(
            fragments=stored.fragments,
            unacknowledged=[position for position, _ in stored.waiting],
            state=stored.state,
            sent=stored.sent,
            give_up_at_s=stored.give_up_at_s,
        )
        epochs = {position: epoch for position, epoch in stored.waiting if epoch is not None}
        # `delivery` knows what waits from here on; of a long message the list is long, too.
        stored = msgspec.structs.replace(stored, waiting=())
        message = _Message(self, stored, delivery, epochs, stored.not_before_s, stored.is_draft)
        self._messages[stored.row] = self._resting[stored.row] = message

    def delivery(self, row: MessageRow) -> Delivery | None:
        """Return how far a message is, while it is on its way."""
        message = self._messages.get(row)
        return message.delivery if message is not None else None

    def release(self) -> None:
        """Let everything take turns whose time has come: drafts are sealed, replies wait for their epoch."""
        maker = self._session.maker()
        if maker is None:
            return
        now_s = self._session.now_s
        epoch = maker.epoch(now_s)
        # Not all messages: of ten thousand, which go through here with each new one, few hold anything back.
        for row, message in list(self._resting.items()):
            if row not in self._messages or not message.delivery.held:
                del self._resting[row]
            elif message.not_before_s > now_s:
                continue
            elif message.is_draft:
                self._seal(message, maker, now_s)
            elif due := message.due(epoch):
                for position in due:
                    message.delivery.move(position, Stage.WAITING)
                self._queue.add(message, due)

    def on_receipts(self, rows: Iterable[MessageRow]) -> None:
        """Note that the recipients themselves have told that these messages came."""
        for row in rows:
            message = self._messages.get(row)
            if message is not None:
                self._record(message, message.delivery.on_receipt(self._session.now_s))
        self._ledger.flush_soon()

    def give_up(self) -> None:
        """Let messages fail that have waited too long."""
        now_s = self._session.now_s
        for message in [m for m in self._messages.values() if m.delivery.give_up_at_s <= now_s]:
            self.fail(message, _failure_reason(message), now_s)

    def saved(self) -> Deferred[None]:
        """Fire when what became of messages until now is on the disk; fail with `StoreError`."""
        return self._ledger.flush_if_needed()

    def save_soon(self) -> None:
        """Write down what became of messages, if that matters."""
        self._ledger.flush_soon()

    # The methods below are for the jobs and expectations of this outbox.

    def acknowledged(self, message: _Message, position: int, now_s: float) -> None:
        """Note that a fragment is stored at the recipient's provider."""
        if message.row not in self._messages or not message.delivery.is_waiting_for(position):
            return
        self._queue.discard(message, position)
        change = message.delivery.on_acknowledged(position, now_s)
        self._ledger.done(message.row, position)
        self._record(message, change)

    def overdue(self, message: _Message, position: int, now_s: float) -> None:
        """Let a fragment take its turn again of which no acknowledgement came in time."""
        if message.row not in self._messages or not message.delivery.is_waiting_for(position):
            return
        self._record(message, message.delivery.on_overdue(position, now_s))
        self._queue.add(message, [position])

    def sent(self, message: _Message, position: int, made: MadePacket | None, now_s: float) -> None:
        """Note that a fragment left; `made` is None for a reply, which is not acknowledged."""
        change = message.delivery.on_sent(position, now_s)
        row = message.row
        if made is not None:
            deadline_s = now_s + self._session.retry_in_s(message.delivery.attempt(position))
            expected = Expected(_Acknowledgement(message, position), made.keys)
            self._expectations.expect(made.surb_id, expected, deadline_s)
        self._record(message, change)
        if made is None:
            self._ledger.done(row, position)
            if message.delivery.sent == message.delivery.fragments:
                self._ledger.end(row, now_s)
                self._messages.pop(row, None)
        self._ledger.flush_soon()

    def resume(self, message: _Message, position: int) -> None:
        """Let a fragment that did not leave take its turn again."""
        if message.row in self._messages and message.delivery.move(position, Stage.WAITING):
            self._queue.add(message, [position])

    def rest(self, message: _Message, position: int, now_s: float) -> None:
        """Hold a fragment whose recipient's provider is away."""
        message.not_before_s = now_s + ABSENT_S
        message.delivery.move(position, Stage.HELD)
        self._resting[message.row] = message

    def fail(self, message: _Message, reason: str, now_s: float) -> None:
        """Give a message up."""
        self._record(message, message.delivery.on_given_up(reason, now_s))

    def _record(self, message: _Message, change: StateChange | None) -> None:
        row, delivery = message.row, message.delivery
        self._ledger.count(row, sent=delivery.sent, acknowledged=delivery.acknowledged)
        if change is not None:
            self._ledger.change(row, change)
        if delivery.state in FINISHED:
            self._messages.pop(row, None)
            self._queue.remove(message)

    def _seal(self, message: _Message, maker: PacketMaker, now_s: float) -> None:
        if message.is_being_sealed:
            return
        message.is_being_sealed = True

        def sealed(fragments: int) -> None:
            message.is_being_sealed = message.is_draft = False
            message.delivery.on_sealed(fragments)
            self._queue.add(message, range(fragments))

        def not_sealed(failure: Failure) -> None:
            message.is_being_sealed = False
            if isinstance(failure.value, UnavailableError):
                message.not_before_s = now_s + ABSENT_S
            else:
                log.error("a message cannot be sealed: {reason}", reason=failure.getErrorMessage())

        self._drafts.seal(message.row, maker, now_s).addCallbacks(sealed, not_sealed)


class FragmentJob:
    """One fragment of a message, fetched."""

    def __init__(self, outbox: Outbox, message: _Message, position: int, stored: StoredFragment) -> None:
        """Send the fragment `stored`, at `position` of `message`, and tell `outbox` what became of it."""
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
        stored = self._message.stored
        if stored.form == REPLY:
            return self._reply_packet(maker, now_s)
        if len(self._stored.payload) != maker.geometry.payload_bytes:
            reason = "the network has changed the size of its packets: send it again"
            self._outbox.fail(self._message, reason, now_s)
            return None
        try:
            self._made = maker.deliver(stored.mailbox, self._stored.payload, provider=stored.provider, now_s=now_s)
        except UnavailableError:
            self._outbox.rest(self._message, self._position, now_s)
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
            self._outbox.fail(self._message, EXPIRED, now_s)
            return None
        return self._stored.payload


def _failure_reason(message: _Message) -> str:
    delivery = message.delivery
    if message.stored.form == REPLY:
        return EXPIRED
    if delivery.state is MessageState.QUEUED:
        return "it could not be sent in time"
    return f"given up: {delivery.acknowledged} of {delivery.fragments} fragments were acknowledged in time"

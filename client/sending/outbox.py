"""The messages that are on their way: sent in turns, sent again if no acknowledgement came, given up at last.

Each step is written to the store soon after it. If the process dies before that, a fragment is sent once more, and
its recipient still takes it once.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import StateChange
from client.core.delivery import FINISHED, Delivery, Stage
from client.core.expectation import Expectations, Expected
from client.core.packets import MadePacket, PacketMaker
from client.link.session import Session
from client.sending.drafts import Drafts, Held, Sealed, SealingOutcome, SealingRound, Unsealable
from client.sending.flow import ABSENT_S, Acknowledgement, MessageFlow
from client.sending.ledger import Ledger
from client.sending.payloads import PayloadQueue
from client.sending.progress import FragmentCounts, ProgressLog
from client.sending.schedule import Schedule
from client.store.outgoing import MessageRow, UnfinishedMessage

log = Logger()

SEALED_AHEAD = 32
"""How many drafts are sealed and on their way for the first time. A bulk of ten thousand takes that many turns only."""


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
        waited for; `ledger`: writes down what became of messages; `drafts`: messages that are not sealed yet.
        """
        self._session = session
        self._queue = queue
        self._expectations = expectations
        self._ledger = ledger
        self._drafts = drafts
        self._messages: dict[MessageRow, MessageFlow] = {}
        self._resting: dict[MessageRow, MessageFlow] = {}
        """Those of which fragments wait for their epoch, or for a provider."""
        self._unsealed: dict[MessageRow, MessageFlow] = {}
        """Drafts whose time has come, the oldest first."""
        self._leaving: set[MessageRow] = set()
        """Drafts that are being sealed, or of which something is still to leave for the first time."""
        self._progress = ProgressLog()
        self._beginnings = Schedule(is_wanted=self._is_under_way)
        self._ends = Schedule(is_wanted=self._is_under_way)

    @property
    def queued_messages(self) -> int:
        """How many messages are on their way."""
        return len(self._messages)

    @property
    def queued_fragments(self) -> int:
        """How many of their fragments are not acknowledged."""
        return sum(m.delivery.fragments - m.delivery.acknowledged for m in self._messages.values())

    @property
    def unsealed_fragments(self) -> int:
        """How many fragments the drafts have whose time has come, and which wait for others to leave."""
        return sum(message.delivery.fragments for message in self._unsealed.values())

    def add(self, stored: UnfinishedMessage) -> None:
        """Send a message that is in the store."""
        delivery = Delivery(
            fragments=stored.fragments,
            unacknowledged=[position for position, _ in stored.waiting],
            state=stored.state,
            sent=stored.sent,
        )
        epochs = {position: epoch for position, epoch in stored.waiting if epoch is not None}
        # `delivery` knows what waits from here on; of a long message the list is long, too.
        stored = msgspec.structs.replace(stored, waiting=())
        message = MessageFlow(self, stored, delivery, epochs, stored.is_draft)
        self._messages[stored.row] = message
        self._ends.add(stored.give_up_at_s, message)
        if message.is_too_early(self._session.now_s):
            self._beginnings.add(stored.not_before_s, message)
        else:
            self._begin(message)

    def delivery(self, row: MessageRow) -> Delivery | None:
        """Return how far a message is, while it is on its way."""
        message = self._messages.get(row)
        return message.delivery if message is not None else None

    @property
    def progress_mark(self) -> int:
        """The mark of the newest counts of any message."""
        return self._progress.mark

    def progress(self, *, mark: int, limit: int) -> tuple[list[FragmentCounts], int]:
        """Return how far messages are of which fragments left or were acknowledged since `mark`, and the next mark."""
        return self._progress.since(mark, limit)

    def release(self) -> None:
        """Let everything take turns whose time has come: drafts are sealed, replies wait for their epoch."""
        maker = self._session.maker()
        if maker is None:
            return
        now_s = self._session.now_s
        for message in self._beginnings.due(now_s):
            self._begin(message)
        epoch = maker.epoch(now_s)
        # Not all messages: of ten thousand, which go through here with each new one, few hold anything back.
        for row, message in list(self._resting.items()):
            if not self._is_under_way(message) or not message.delivery.holds:
                del self._resting[row]
            elif not message.rests(now_s) and (due := message.due(epoch)):
                message.delivery.release(due)
                self._queue.add(message, due)
        self._seal_some(maker, now_s)

    def on_receipts(self, rows: Iterable[MessageRow]) -> None:
        """Note that the recipients themselves have told that these messages came."""
        for row in rows:
            message = self._messages.get(row)
            if message is not None:
                self._record(message, message.delivery.on_receipt(self._session.now_s))
        self._ledger.flush_soon()

    def cancel(self, row: MessageRow) -> bool:
        """Send nothing more of a message; false if nothing would be sent of it anyway."""
        message = self._messages.get(row)
        if message is None:
            return False
        self._record(message, message.delivery.on_cancelled(self._session.now_s))
        return True

    def give_up(self) -> None:
        """Let messages fail that have waited too long, if the network agrees about the time."""
        if not self._session.is_time_agreed:
            return
        now_s = self._session.now_s
        for message in self._ends.due(now_s):
            self.fail(message, message.failure_reason(now_s), now_s)

    def saved(self) -> Deferred[None]:
        """Fire when what became of messages until now is on the disk; fail with `StoreError`."""
        return self._ledger.flush_if_needed()

    def save_soon(self) -> None:
        """Write down what became of messages, if that matters."""
        self._ledger.flush_soon()

    # The methods below are for the flows of this outbox.

    def acknowledged(self, message: MessageFlow, position: int, now_s: float) -> None:
        """Note that a fragment is stored at the recipient's provider."""
        if not self._is_under_way(message) or not message.delivery.is_waiting_for(position):
            return
        self._queue.discard(message, position)
        change = message.delivery.on_acknowledged(position, now_s)
        self._ledger.done(message.row, position)
        self._record(message, change)

    def overdue(self, message: MessageFlow, position: int, now_s: float) -> None:
        """Let a fragment take its turn again of which no acknowledgement came in time."""
        if not self._is_under_way(message) or not message.delivery.is_waiting_for(position):
            return
        self._record(message, message.delivery.on_overdue(position, now_s))
        self._queue.add(message, [position])

    def sent(self, message: MessageFlow, position: int, made: MadePacket | None, now_s: float) -> None:
        """Note that a fragment left; `made` is None for a reply, which is not acknowledged."""
        change = message.delivery.on_sent(position, now_s)
        row = message.row
        if made is not None:
            deadline_s = now_s + self._session.retry_in_s(message.delivery.attempt(position))
            expected = Expected(Acknowledgement(message, position), made.keys)
            self._expectations.expect(made.surb_id, expected, deadline_s)
        self._record(message, change)
        has_left = message.delivery.sent == message.delivery.fragments
        if has_left:
            self._leaving.discard(row)
        if made is None:
            self._ledger.done(row, position)
            if has_left:
                self._ledger.end(row, now_s)
                self._messages.pop(row, None)
        self._ledger.flush_soon()

    def resume(self, message: MessageFlow, position: int) -> None:
        """Let a fragment that did not leave take its turn again."""
        if self._is_under_way(message) and message.delivery.move(position, Stage.WAITING):
            self._queue.add(message, [position])

    def hold(self, message: MessageFlow, position: int) -> None:
        """Hold a fragment until its message's time has come, or its recipient's provider is there again."""
        message.delivery.move(position, Stage.HELD)
        # Those that come after it need not wait for the same provider.
        self._leaving.discard(message.row)
        if message.is_too_early(self._session.now_s):
            self._beginnings.add(message.stored.not_before_s, message)
        else:
            self._resting[message.row] = message

    def fail(self, message: MessageFlow, reason: str, now_s: float) -> None:
        """Give a message up."""
        self._record(message, message.delivery.on_given_up(reason, now_s))

    def _is_under_way(self, message: MessageFlow) -> bool:
        # The store gives the row of a message that was deleted to another one: it is not enough that there is one.
        return self._messages.get(message.row) is message

    def _begin(self, message: MessageFlow) -> None:
        if message.is_draft:
            self._unsealed[message.row] = message
        else:
            self._resting[message.row] = message

    def _record(self, message: MessageFlow, change: StateChange | None) -> None:
        row, delivery = message.row, message.delivery
        self._ledger.count(row, sent=delivery.sent, acknowledged=delivery.acknowledged)
        self._progress.note(
            FragmentCounts(message.stored.message_id, delivery.fragments, delivery.sent, delivery.acknowledged)
        )
        if change is not None:
            self._ledger.change(row, change)
        if delivery.state in FINISHED:
            self._messages.pop(row, None)
            self._unsealed.pop(row, None)
            self._leaving.discard(row)
            self._queue.remove(message)

    def _seal_some(self, maker: PacketMaker, now_s: float) -> None:
        account, room = self._session.account, SEALED_AHEAD - len(self._leaving)
        if account is None or room <= 0 or not self._unsealed:
            return
        ready: list[MessageFlow] = []
        for message in self._unsealed.values():
            if len(ready) == room:
                break
            if not message.rests(now_s):
                ready.append(message)
        if not ready:
            return
        for message in ready:
            del self._unsealed[message.row]
            self._leaving.add(message.row)
        sealing = self._drafts.seal([m.row for m in ready], SealingRound(maker=maker, account=account, now_s=now_s))
        sealing.addCallbacks(self._sealed, self._not_sealed, callbackArgs=(ready, now_s), errbackArgs=(ready, now_s))

    def _sealed(self, outcomes: list[SealingOutcome], messages: list[MessageFlow], now_s: float) -> None:
        for message, outcome in zip(messages, outcomes, strict=True):
            # It may have been cancelled meanwhile, and then its fragments are deleted after they were made.
            if not self._is_under_way(message):
                continue
            match outcome:
                case Sealed(fragments):
                    message.is_draft = False
                    message.delivery.on_sealed(fragments)
                    self._queue.add(message, range(fragments))
                case Held():
                    self._unseal(message, now_s)
                case Unsealable(reason):
                    self.fail(message, reason, now_s)
                case None:
                    log.error("a message to be sealed is not in the store any more")
                    self._leaving.discard(message.row)

    def _not_sealed(self, failure: Failure, messages: list[MessageFlow], now_s: float) -> None:
        log.error("messages cannot be sealed: {reason}", reason=failure.getErrorMessage())
        for message in messages:
            if self._is_under_way(message):
                self._unseal(message, now_s)

    def _unseal(self, message: MessageFlow, now_s: float) -> None:
        """Try again later with a draft that could not be sealed."""
        message.rests_until_s = now_s + ABSENT_S
        self._leaving.discard(message.row)
        self._unsealed[message.row] = message

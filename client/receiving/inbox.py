"""Received parts of messages: put into the store in their turn, then told to the parts of the client they concern."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.core.journal import News
from client.receiving.arrivals import Surroundings
from client.receiving.impostors import Impostors
from client.receiving.offering import Offering
from client.receiving.receiver import ReceivedBatch, Receiver
from client.receiving.room import InboxRoom
from client.sending.outbox import Outbox
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told

log = Logger()


class Inbox:
    """The received messages, as far as the store takes them."""

    def __init__(
        self,
        *,
        receiver: Receiver,
        access: StoreAccess,
        outbox: Outbox,
        offering: Offering,
        news: News,
        impostors: Impostors,
        room: InboxRoom,
    ) -> None:
        """Let `receiver` work where `access` has the store.

        `outbox`: sends the receipts, and hears of those that came; `offering` and `news`: hear of new messages;
        `impostors`: hear of senders who claim to be somebody else; `room`: hears whether there is any.
        """
        self._receiver = receiver
        self._access = access
        self._outbox = outbox
        self._offering = offering
        self._news = news
        self._impostors = impostors
        self.room = room

    def receive(
        self, fragments: Sequence[bytes], reply_bodies: Sequence[tuple[bytes, bytes]], around: Surroundings
    ) -> Deferred[None]:
        """Store fragments and replies (reply block id, body); fires when they are on the disk.

        So is then what acknowledgements before have changed; without fragments and replies that is all there is to do.
        """
        writing = [self._outbox.saved()]
        if fragments or reply_bodies:
            receiving = self._access.write(
                lambda connection: self._receiver.receive(connection, fragments, reply_bodies, around),
                committed=self._receiver.committed,
            )
            writing.append(receiving.addCallback(self._on_received))
        return gatherResults(writing, consumeErrors=True).addCallbacks(_nothing, _first_failure)

    def tidy(self, around: Surroundings) -> None:
        """Forget what is too old, hand over what waited long enough."""
        tidying = self._access.write(
            lambda connection: self._receiver.tidy(connection, around), committed=self._receiver.committed
        )
        tidying.addCallbacks(self._on_received, already_told)

    def look_for_room(self) -> None:
        """Hear soon whether there is room again."""
        self._access.read(self._receiver.measure).addCallbacks(self._on_measured, already_told)

    def _on_measured(self, is_full: bool) -> None:
        if self.room.measured(is_full):
            self._news.tell()

    def _on_received(self, received: ReceivedBatch) -> None:
        outcome = received.outcome
        self._outbox.on_receipts(outcome.received)
        for message in outcome.receipts:
            self._outbox.add(message)
        for address in outcome.impostors:
            self._impostors.note(address)
        if outcome.refused:
            log.warn("{count} parts of messages were refused", count=outcome.refused)
        if outcome.forgotten:
            log.warn("{count} messages were given up of which the rest did not come", count=outcome.forgotten)
        self._on_measured(outcome.is_full)
        if outcome.deleted:
            log.info("{count} received messages were deleted, as client.toml has it", count=outcome.deleted)
        if outcome.kinds or outcome.received or outcome.deleted:
            self._offering.wake(outcome.kinds)
            self._news.tell()


def _nothing(_: object) -> None:
    """Return no result: there were several."""


def _first_failure(failure: Failure) -> Failure:
    return failure.value.subFailure if isinstance(failure.value, FirstError) else failure

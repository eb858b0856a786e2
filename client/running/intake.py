"""What arrives over the link: each frame to the one it is for, and what is stored acknowledged with the next pull."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.asking.account import Enrolment
from client.asking.requests import Requests
from client.link.pulls import PullBook
from client.link.session import Session
from client.receiving.arrivals import Outcome, Surroundings
from client.receiving.callbacks import Callbacks
from client.receiving.receiver import Receiver
from client.sending.ledger import Ledger
from client.sending.outbox import Outbox
from client.store.access import StoreAccess
from client.streams.loops import Loops
from loopixmix.seams import Clock, NodeId
from loopixmix.sphinx import Sphinx
from loopixmix.wire import Frame, Item, ItemKind, Registered, RegisterRefused

log = Logger()


class Intake:
    """Takes the provider's frames apart."""

    def __init__(
        self,
        *,
        session: Session,
        enrolment: Enrolment,
        outbox: Outbox,
        loops: Loops,
        requests: Requests,
        ledger: Ledger,
        callbacks: Callbacks,
        receiver: Receiver,
        access: StoreAccess,
        clock: Clock,
        pulls: Callable[[], PullBook | None],
        changed: Callable[[], None],
    ) -> None:
        """Take whom frames are for; `changed` is told when the inbox or a message has news."""
        self.suspicion = ""
        """One line about a sender who claims to be somebody else, empty while there was none."""
        self._session = session
        self._enrolment = enrolment
        self._outbox = outbox
        self._loops = loops
        self._requests = requests
        self._ledger = ledger
        self._callbacks = callbacks
        self._receiver = receiver
        self._access = access
        self._clock = clock
        self._pulls = pulls
        self._changed = changed

    def tidy(self) -> None:
        """Forget what is too old, hand over what waited long enough."""
        around = self._surroundings()
        if around is not None:
            self._access.use(lambda store: self._receiver.tidy(store, around)).addCallbacks(
                self._on_outcome, _log_failure
            )

    def received(self, peer: NodeId, _packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        """Take what came over a link."""
        account = self._session.account
        ours = {self._enrolment.provider, account.provider if account is not None else None}
        if peer not in ours:
            return
        items: list[Item] = []
        for frame in frames:
            match frame:
                case Item():
                    items.append(frame)
                case Registered() | RegisterRefused():
                    self._enrolment.on_answer(frame)
                case _:
                    pass  # links carry nothing else to a client (`loopixmix.wire.MAY_SEND`)
        around, pulls = self._surroundings(), self._pulls()
        if around is not None and pulls is not None:
            fresh = [item for item in items if pulls.on_item(item)]
            if fresh:
                self._take_items(fresh, around, pulls)

    def _take_items(self, items: Sequence[Item], around: Surroundings, pulls: PullBook) -> None:
        payload_bytes = around.sphinx.geometry.payload_bytes
        fragments: list[bytes] = []
        reply_bodies: list[tuple[bytes, bytes]] = []
        for item in items:
            if item.kind is ItemKind.MESSAGE:
                fragments.append(item.body[:payload_bytes])
            elif not self._take_reply(item, around.sphinx):
                reply_bodies.append((item.surb_id, item.body))
        numbers = [item.item_id for item in items]
        writing = [self._ledger.flush_if_needed()]
        if fragments or reply_bodies:
            writing.append(self._receive(fragments, reply_bodies, around))

        def stored(_: object) -> None:
            self._enrolment.forgotten = False
            pulls.on_stored(numbers)

        def not_stored(failure: Failure) -> None:
            pulls.on_failed(numbers)
            first = failure.value.subFailure if isinstance(failure.value, FirstError) else failure
            log.error("what was received cannot be stored: {reason}", reason=first.getErrorMessage())

        gatherResults(writing, consumeErrors=True).addCallbacks(stored, not_stored)

    def _take_reply(self, item: Item, sphinx: Sphinx) -> bool:
        parts = (self._outbox, self._loops, self._requests)
        return any(part.on_reply(item.surb_id, item.body, sphinx) for part in parts)

    def _receive(
        self, fragments: Sequence[bytes], reply_bodies: Sequence[tuple[bytes, bytes]], around: Surroundings
    ) -> Deferred[None]:
        receiving = self._access.use(lambda store: self._receiver.receive(store, fragments, reply_bodies, around))
        return receiving.addCallback(self._on_outcome)

    def _surroundings(self) -> Surroundings | None:
        account, now_s = self._session.account, self._clock.seconds()
        maker = self._session.maker(now_s)
        return None if account is None or maker is None else Surroundings(now_s, account, maker.document, maker.sphinx)

    def _on_outcome(self, outcome: Outcome) -> None:
        for row in outcome.received:
            self._outbox.on_receipt(row)
        self._ledger.flush_soon()
        for message in outcome.receipts:
            self._outbox.add(message)
        if outcome.impostors:
            self.suspicion = f"a message claims to be from {outcome.impostors[-1]}, but another key signed it"
        if outcome.refused:
            log.warn("{count} parts of messages were refused", count=outcome.refused)
        if outcome.kinds or outcome.received:
            self._callbacks.wake(outcome.kinds)
            self._changed()


def _log_failure(failure: Failure) -> None:
    log.error("the store cannot be used: {reason}", reason=failure.getErrorMessage())

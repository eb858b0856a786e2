"""What arrives over the link: each frame to whom it is for, and what is stored acknowledged with the next pull."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.core.expectation import Expectations
from client.link.pulls import PullBook
from client.link.registration import Registration
from client.link.session import Session
from client.receiving.arrivals import Surroundings, surroundings
from client.receiving.inbox import Inbox
from client.sending.ledger import Ledger
from loopixmix.seams import NodeId
from loopixmix.wire import Frame, Item, ItemKind, Registered, RegisterRefused

log = Logger()


class Letterbox:
    """Takes the provider's frames apart."""

    def __init__(
        self,
        *,
        session: Session,
        registration: Registration,
        pulls: PullBook,
        expectations: Expectations,
        ledger: Ledger,
        inbox: Inbox,
    ) -> None:
        """Take frames from the provider of `session`, or the one that `registration` asks for an account.

        `pulls`: says which items are new, and that they are stored; `expectations`: take answers; `ledger`: must have
        written what they changed before they are acknowledged; `inbox`: takes the rest.
        """
        self._session = session
        self._registration = registration
        self._pulls = pulls
        self._expectations = expectations
        self._ledger = ledger
        self._inbox = inbox

    def received(self, peer: NodeId, _packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        """Take what came over a link."""
        account = self._session.account
        ours = {self._registration.provider, account.provider if account is not None else None}
        if peer not in ours:
            return
        items: list[Item] = []
        for frame in frames:
            match frame:
                case Item():
                    items.append(frame)
                case Registered() | RegisterRefused():
                    self._registration.on_answer(frame)
                case _:
                    pass  # links carry nothing else to a client (`loopixmix.wire.MAY_SEND`)
        around = surroundings(self._session)
        if around is not None and self._pulls.has_begun:
            fresh = [item for item in items if self._pulls.on_item(item)]
            if fresh:
                self._take_items(fresh, around)

    def _take_items(self, items: Sequence[Item], around: Surroundings) -> None:
        payload_bytes = around.sphinx.geometry.payload_bytes
        fragments: list[bytes] = []
        reply_bodies: list[tuple[bytes, bytes]] = []
        for item in items:
            if item.kind is ItemKind.MESSAGE:
                fragments.append(item.body[:payload_bytes])
            elif not self._expectations.take(item.surb_id, item.body, sphinx=around.sphinx, now_s=around.now_s):
                # A block that we gave away in an anonymous message, if it is ours at all: the store knows.
                reply_bodies.append((item.surb_id, item.body))
        numbers = [item.item_id for item in items]
        # An acknowledged item is deleted by the provider, so what it brought must be on the disk before.
        writing = [self._ledger.flush_if_needed()]
        if fragments or reply_bodies:
            writing.append(self._inbox.receive(fragments, reply_bodies, around))

        def stored(_: object) -> None:
            self._registration.on_known()
            self._pulls.on_stored(numbers)

        def not_stored(failure: Failure) -> None:
            self._pulls.on_failed(numbers)
            first = failure.value.subFailure if isinstance(failure.value, FirstError) else failure
            log.error("what was received cannot be stored: {reason}", reason=first.getErrorMessage())

        gatherResults(writing, consumeErrors=True).addCallbacks(stored, not_stored)

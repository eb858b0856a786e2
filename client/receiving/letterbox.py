"""Frames from the link: each goes to the part it is for, and the next pull acknowledges the items that are stored."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger
from twisted.python.failure import Failure

from client.core.expectation import Expectations
from client.link.pulls import PullBook
from client.link.registration import Registration
from client.link.session import Session
from client.receiving.arrivals import Surroundings, surroundings
from client.receiving.inbox import Inbox
from loopixmix.errors import StoreError
from loopixmix.seams import Clock, DelayedCall, Identity
from loopixmix.wire import Frame, Item, ItemKind, Registered, RegisterRefused

log = Logger()

MOST_IN_WORK = 512
"""More items than these are not read from the link while the store is behind: a megabyte, and half a second's work."""
MOST_UNASKED = 64
"""As many items that nobody asked for are read at once, then reading rests: they take time, if no memory."""
REST_S = 0.1
LOOK_S = 5.0
"""While mail waits for room, the store is asked this often whether there is some again."""


class Letterbox:
    """Takes the provider's frames apart."""

    def __init__(
        self,
        *,
        session: Session,
        registration: Registration,
        pulls: PullBook,
        expectations: Expectations,
        inbox: Inbox,
        clock: Clock,
    ) -> None:
        """Frames count from the provider of `session`, and from the one that `registration` asks for an account.

        `pulls`: says which items are new, and that they are stored; `expectations`: take answers; `inbox`: takes the
        rest, and makes sure that all of it is on the disk; `clock`: times how long reading rests.
        """
        self._session = session
        self._registration = registration
        self._pulls = pulls
        self._expectations = expectations
        self._inbox = inbox
        self._clock = clock
        self._unasked = 0
        self._looked_s = 0.0
        self._rest: DelayedCall | None = None

    def received(self, peer: Identity, _packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
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
                    self._registration.on_answer(peer, frame)
                case _:
                    pass  # links carry nothing else to a client (`loopixmix.wire.MAY_SEND`)
        around = surroundings(self._session)
        if around is not None and self._pulls.has_begun:
            fresh = [item for item in items if self._pulls.on_item(item)]
            if fresh:
                self._take_items(fresh, around)
        if self._rest is None and self._has_enough():
            # What is not read waits at the provider, and not in our memory.
            self._session.let_read(False)
            self._rest = self._clock.callLater(REST_S, self._read_on)

    def stop(self) -> None:
        """Read no more."""
        if self._rest is not None and self._rest.active():
            self._rest.cancel()
        self._rest = None

    def tidy(self) -> None:
        """Forget what is too old, hand over what waited long enough."""
        around = surroundings(self._session)
        if around is not None:
            self._inbox.tidy(around)

    def _has_enough(self) -> bool:
        """Tell whether the store is behind, or the provider sends what nobody asked for."""
        return self._pulls.in_work > MOST_IN_WORK or self._pulls.unasked - self._unasked > MOST_UNASKED

    def _read_on(self) -> None:
        self._rest, self._unasked = None, self._pulls.unasked
        if self._has_enough():
            # Said again: the link may be another one by now, which is read until then.
            self._session.let_read(False)
            self._rest = self._clock.callLater(REST_S, self._read_on)
        else:
            self._session.let_read(True)

    def _is_answer(self, item: Item, around: Surroundings) -> bool:
        """Hand a reply to whom it is for; false if nobody waits for it."""
        try:
            return self._expectations.take(item.surb_id, item.body, sphinx=around.sphinx, now_s=around.now_s)
        except Exception:
            # One that finds a defect must not keep the others from being stored: none of them would be taken again,
            # and once they are many, nothing is read any more.
            log.failure("an answer could not be taken")
            return True

    def _take_items(self, items: Sequence[Item], around: Surroundings) -> None:
        payload_bytes = around.sphinx.geometry.payload_bytes
        fragments: list[bytes] = []
        reply_bodies: list[tuple[bytes, bytes]] = []
        numbers: list[int] = []
        waiting: list[int] = []
        for item in items:
            if item.kind is ItemKind.MESSAGE and self._inbox.room.is_full:
                # Not acknowledged, so the provider keeps it, and gives it again. Replies are taken: no more of them can
                # come than we have asked for.
                waiting.append(item.item_id)
                continue
            numbers.append(item.item_id)
            if item.kind is ItemKind.MESSAGE:
                fragments.append(item.body[:payload_bytes])
            elif not self._is_answer(item, around):
                # A block that we gave away in an anonymous message, if it is ours at all: the store knows.
                reply_bodies.append((item.surb_id, item.body))
        self._pulls.on_failed(waiting)
        # Some may have been read since: only who waits asks, and not each time, because the store reads much for it.
        if waiting and not 0 <= around.now_s - self._looked_s < LOOK_S:
            self._looked_s = around.now_s
            self._inbox.look_for_room()

        def stored(_: object) -> None:
            self._registration.on_known()
            self._pulls.on_stored(numbers)

        def not_stored(failure: Failure) -> None:
            self._pulls.on_failed(numbers)
            # The store's own failures were told by its alarm, once, and this comes back with each pull.
            if not isinstance(failure.value, StoreError):
                log.error("what was received cannot be stored: {reason}", reason=failure.getErrorMessage())

        # The provider deletes what the next pull acknowledges, so that waits until all is on the disk. Answers count,
        # too: they may have changed what is there of our own messages.
        self._inbox.receive(fragments, reply_bodies, around).addCallbacks(stored, not_stored)

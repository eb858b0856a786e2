"""Handing received messages to applications: in order, each until it was handled, no kind in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import ReceivedCallback, ReceivedMessage
from client.core.journal import News
from client.core.retry import CALLBACK_POLICY
from client.store import incoming
from loopixmix.errors import StoreError
from loopixmix.seams import Clock, DelayedCall
from loopixmix.store.access import StoreAccess

log = Logger()


@dataclass(eq=False)
class _Subscription:
    """One callback, which gets one message at a time."""

    kind: str
    callback: ReceivedCallback
    after: int = 0
    failed: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Messages it failed on: when each is offered again, and how often it was."""
    running: Deferred[None] | None = None
    call: DelayedCall | None = None
    woken: bool = False
    active: bool = True

    def due(self, now_s: float) -> int | None:
        """Return a message that is offered again now."""
        # No wait is that long, so a clock that was set back has put it there.
        too_far_s = now_s + CALLBACK_POLICY.longest_s
        return min(
            (number for number, (due_s, _) in self.failed.items() if not now_s < due_s <= too_far_s), default=None
        )

    def note_failure(self, number: int, now_s: float) -> float:
        """Postpone a message; return the seconds until it is offered again."""
        attempts = self.failed.get(number, (0.0, 0))[1] + 1
        wait_s = CALLBACK_POLICY.timeout_s(attempts, 0.0)
        self.failed[number] = (now_s + wait_s, attempts)
        return wait_s


class Callbacks:
    """The applications' callbacks."""

    def __init__(self, access: StoreAccess, *, clock: Clock, news: News) -> None:
        """Offer the messages in the store of `access`; `clock` times further offers, `news` hears of handled ones."""
        self._access = access
        self._clock = clock
        self._news = news
        self._subscriptions: list[_Subscription] = []
        self._stopped = False

    def subscribe(self, kind: str, callback: ReceivedCallback) -> Callable[[], None]:
        """Offer every message of `kind` that is not handled; returns how to stop."""
        if self._stopped:
            # Whoever subscribes to a client that stops gets nothing, and no error for it.
            return lambda: None
        subscription = _Subscription(kind, callback)
        self._subscriptions.append(subscription)
        self._call_later(subscription, 0.0)
        return lambda: self._end(subscription)

    def wake(self, kinds: Collection[str]) -> None:
        """Offer messages of these kinds that have come."""
        for subscription in tuple(self._subscriptions):
            if subscription.kind in kinds:
                self._start(subscription)

    def stop(self) -> None:
        """Offer nothing any more, and break off what is under way."""
        self._stopped = True
        for subscription in tuple(self._subscriptions):
            self._end(subscription)
            if subscription.running is not None:
                subscription.running.cancel()

    def _end(self, subscription: _Subscription) -> None:
        subscription.active = False
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
        if subscription.call is not None and subscription.call.active():
            subscription.call.cancel()

    def _start(self, subscription: _Subscription) -> None:
        if not subscription.active:
            return
        if subscription.running is not None:
            # It is under way and looks for more by itself, but it may have looked just before this one came.
            subscription.woken = True
            return
        running = Deferred.fromCoroutine(self._offer_all(subscription))
        # One that ended at once has said so already: it must not be set again.
        if not running.called:
            subscription.running = running
        running.addErrback(_log_failure)

    async def _offer_all(self, subscription: _Subscription) -> None:
        try:
            while subscription.active:
                subscription.woken = False
                message = await self._next(subscription)
                if message is not None:
                    await self._offer(subscription, message)
                elif not subscription.woken:
                    break
        finally:
            subscription.running = None
        if subscription.active and subscription.failed:
            soonest_s = min(due_s for due_s, _ in subscription.failed.values())
            self._call_later(subscription, max(0.0, soonest_s - self._clock.seconds()))

    async def _next(self, subscription: _Subscription) -> ReceivedMessage | None:
        number = subscription.due(self._clock.seconds())
        if number is not None:
            again = await self._access.read(lambda c: incoming.unhandled(c, number))
            if again is None:
                del subscription.failed[number]  # another callback has handled it
            else:
                return again
        kind, after = subscription.kind, subscription.after
        message = await self._access.read(lambda c: incoming.first_unhandled(c, kind, after=after))
        if message is not None:
            subscription.after = message.number
        return message

    async def _offer(self, subscription: _Subscription, message: ReceivedMessage) -> None:
        if not subscription.active:
            return
        number = message.number
        try:
            pending = subscription.callback(message)
            if pending is not None:
                await pending
        except CancelledError:
            raise
        except Exception as error:  # an application may fail in any way; that must not touch the others
            wait_s = subscription.note_failure(number, self._clock.seconds())
            log.error(
                "a callback for {kind} failed with {error}; message {number} is offered again in {wait_s:g} s",
                kind=subscription.kind,
                error=type(error).__name__,
                number=number,
                wait_s=wait_s,
            )
            return
        subscription.failed.pop(number, None)
        await self._access.write(lambda c: incoming.mark_handled(c, number))
        self._news.tell()

    def _call_later(self, subscription: _Subscription, wait_s: float) -> None:
        if subscription.call is not None and subscription.call.active():
            subscription.call.cancel()
        subscription.call = self._clock.callLater(wait_s, self._start, subscription)


def _log_failure(failure: Failure) -> None:
    if isinstance(failure.value, CancelledError):
        return
    if isinstance(failure.value, StoreError):
        log.error("messages cannot be offered: {reason}", reason=failure.getErrorMessage())
        return
    log.failure("messages cannot be offered", failure=failure)

"""Handing received messages to applications: in order, each until it was handled, no kind in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from client.api import ReceivedCallback, ReceivedMessage
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feed, Feeds
from client.feeds.listener import Listener
from client.feeds.offers import LaterOffers
from loopixmix.seams import Clock


class UnhandledMessages(Protocol):
    """The received messages, as far as no callback has handled them."""

    async def first_unhandled(self, kind: str, *, after: int) -> ReceivedMessage | None:
        """Return the oldest message of a kind, with a number over `after`, that no callback has handled."""

    async def unhandled(self, number: int) -> ReceivedMessage | None:
        """Return the message of this number, unless a callback has handled it."""

    async def mark_handled(self, number: int) -> None:
        """Note that a callback has handled a message."""


class Subscription:
    """One callback, which gets one message at a time, and those on which it failed again, ever later."""

    def __init__(self, kind: str, listener: Listener[ReceivedMessage], messages: UnhandledMessages, clock: Clock):
        """Offer `listener` the messages of `kind` among `messages`; `clock` times further offers."""
        self.kind = kind
        self._listener = listener
        self._messages = messages
        self._clock = clock
        self._offers = LaterOffers()
        self._after = 0
        self._unmarked: set[int] = set()
        self._feed = Feed(self._look, listener=listener, clock=clock)
        self.start, self.stop, self.wake = self._feed.start, self._feed.stop, self._feed.wake

    async def _look(self) -> float | None:
        await self._mark()
        message = await self._next()
        if message is None:
            return self._offers.wait_s(self._clock.seconds())
        if not self._feed.stopped:
            await self._offer(message)
        return 0.0

    async def _next(self) -> ReceivedMessage | None:
        number = self._offers.due(self._clock.seconds())
        if number is not None:
            again = await self._messages.unhandled(number)
            if again is not None:
                return again
            self._offers.forget(number)  # another callback has handled it
        message = await self._messages.first_unhandled(self.kind, after=self._after)
        if message is not None:
            self._after = message.number
        return message

    async def _offer(self, message: ReceivedMessage) -> None:
        if await self._listener.tell(message):
            self._offers.forget(message.number)
            self._unmarked.add(message.number)
            await self._mark()
        else:
            self._offers.note_failure(message.number, self._clock.seconds())

    async def _mark(self) -> None:
        # Kept until it is written: if the disk is full just then, the callback is not to be given them again.
        for number in sorted(self._unmarked):
            await self._messages.mark_handled(number)
            self._unmarked.discard(number)


class Callbacks:
    """The applications' callbacks."""

    def __init__(self, messages: UnhandledMessages, *, clock: Clock, failures: CallbackFailures) -> None:
        """Offer `messages`; `clock` times further offers, `failures` hears what callbacks raise."""
        self._messages = messages
        self._clock = clock
        self._failures = failures
        self._subscriptions: Feeds[Subscription] = Feeds()

    def subscribe(self, kind: str, callback: ReceivedCallback) -> Callable[[], None]:
        """Offer every message of `kind` that is not handled; returns how to stop."""
        listener = Listener("on_received", callback, failures=self._failures)
        return self._subscriptions.begin(Subscription(kind, listener, self._messages, self._clock))

    def wake(self, kinds: Collection[str]) -> None:
        """Offer messages of these kinds that have come."""
        for subscription in self._subscriptions:
            if subscription.kind in kinds:
                subscription.wake()

    def stop(self) -> None:
        """Offer nothing any more; a callback that runs is not interrupted."""
        self._subscriptions.stop()

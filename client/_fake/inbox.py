"""The received messages of a fake client and the callbacks that handle them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client._fake.post import PostOffice
from client.api import MessageId, ReceivedCallback, ReceivedMessage, UnknownMessageError, Verified
from client.core.retry import CALLBACK_POLICY
from loopixmix.seams import DelayedCall


@dataclass(eq=False)
class _Subscription:
    """One callback; it gets one message at a time, and one that it failed on again after a while."""

    kind: str
    callback: ReceivedCallback
    active: bool = True
    busy: bool = False
    failures: Counter[int] = field(default_factory=Counter)
    waiting: set[int] = field(default_factory=set)
    retries: list[DelayedCall] = field(default_factory=list)


class FakeInbox:
    """Messages by number, handled or not."""

    def __init__(self, network: PostOffice, tell: Callable[[], None]) -> None:
        """Begin without messages; `network` has the time, `tell` is called at news."""
        self.messages: list[ReceivedMessage] = []
        self.newest = 0
        self.failures: list[Failure] = []
        self._network = network
        self._tell = tell
        self._handled: set[int] = set()
        self._subscriptions: list[_Subscription] = []

    @property
    def unhandled(self) -> int:
        """How many messages no callback has handled yet."""
        return sum(message.number not in self._handled for message in self.messages)

    def add(
        self, *, message_id: MessageId, body: bytes, kind: str, sender: str | None, verified: Verified, reply_to: str
    ) -> None:
        """Number a message, keep it and offer it to the callbacks of its kind."""
        self.newest += 1
        message = ReceivedMessage(
            number=self.newest,
            message_id=message_id,
            sender=sender,
            verified=verified,
            kind=kind,
            body=body,
            received_at_s=self._network.clock.seconds(),
            reply_to=reply_to,
        )
        self.messages.append(message)
        self._tell()
        for subscription in tuple(self._subscriptions):
            self._offer(subscription)

    def delete(self, number: int) -> str:
        """Forget a message; return how it could be answered."""
        for message in self.messages:
            if message.number == number:
                self.messages.remove(message)
                self._tell()
                return message.reply_to
        raise UnknownMessageError(f"there is no received message {number}")

    def subscribe(self, kind: str, callback: ReceivedCallback) -> Callable[[], None]:
        """Offer all messages of `kind` that are not handled yet, then new ones; returns how to stop."""
        subscription = _Subscription(kind, callback)
        self._subscriptions.append(subscription)
        first = self._network.later(0, lambda: self._offer(subscription))

        def stop() -> None:
            subscription.active = False
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
            for call in (first, *subscription.retries):
                if call.active():
                    call.cancel()

        return stop

    def _offer(self, subscription: _Subscription) -> None:
        message = self._next_for(subscription)
        if message is None or subscription.busy:
            return
        subscription.busy = True
        done = Deferred.fromCoroutine(_call(subscription.callback, message))
        done.addCallback(self._note_handled, message.number)
        done.addErrback(self._note_failed, message.number, subscription)
        done.addCallback(self._offer_next, subscription)

    def _next_for(self, subscription: _Subscription) -> ReceivedMessage | None:
        if not subscription.active:
            return None
        done = self._handled | subscription.waiting
        waiting = (m for m in self.messages if m.kind == subscription.kind and m.number not in done)
        return next(waiting, None)

    def _note_handled(self, _: None, number: int) -> None:
        self._handled.add(number)
        self._tell()

    def _note_failed(self, failure: Failure, number: int, subscription: _Subscription) -> None:
        self.failures.append(failure)
        subscription.failures[number] += 1
        wait_s = CALLBACK_POLICY.timeout_s(subscription.failures[number], 0.0)
        subscription.waiting.add(number)
        subscription.retries.append(self._network.later(wait_s, lambda: self._retry(subscription, number)))

    def _retry(self, subscription: _Subscription, number: int) -> None:
        subscription.waiting.discard(number)
        self._offer(subscription)

    def _offer_next(self, _: None, subscription: _Subscription) -> None:
        subscription.busy = False
        self._network.later(0, lambda: self._offer(subscription))


async def _call(callback: ReceivedCallback, message: ReceivedMessage) -> None:
    pending = callback(message)
    if pending is not None:
        await pending

"""The readers of `GET /v1/received`: each is a callback of `on_received`, and says itself which messages it handled."""

from __future__ import annotations

import msgspec
from twisted.internet.defer import Deferred, DeferredSemaphore

from client.api import Client, ReceivedMessage, UnknownMessageError
from client.feeds.listener import NotHandledError
from client.http.messages import MESSAGE, SUBSCRIBED, Subscribed, received_of
from client.http.serving.stream import EventStream
from client.http.sse import SseEvent
from loopixmix.errors import UnavailableError
from loopixmix.seams import Rng

MAX_UNHANDLED = 16
"""A reader is given so many messages before it has to say what became of one."""


class ReaderGoneError(NotHandledError, UnavailableError):
    """The program that reads these messages went away."""


class ReaderFailedError(NotHandledError):
    """The program that reads these messages could not handle one."""


class Reader:
    """One open stream of messages of one kind."""

    def __init__(self, subscription: str, stream: EventStream) -> None:
        """Write messages to `stream`; the reader answers for them under the name `subscription`."""
        self.subscription = subscription
        self.stream = stream
        self._slots: DeferredSemaphore = DeferredSemaphore(MAX_UNHANDLED)
        self._pending: dict[int, Deferred[None]] = {}
        self._gone = False

    async def offer(self, message: ReceivedMessage) -> None:
        """Give a message to the reader; returns when it was handled, raises if it was not."""
        # As many as the reader may have in hand: more would only wait in its memory instead of in the store.
        await self._slots.acquire()
        try:
            await self.stream.writable()
            # It may have left while this one waited for the connection.
            if self._gone:
                raise ReaderGoneError("the reader went away")
            done = self._pending[message.number] = Deferred()
            self.stream.send(SseEvent(MESSAGE, msgspec.json.encode(received_of(message)), str(message.number)))
            await done
        finally:
            self._pending.pop(message.number, None)
            self._slots.release()

    def settle(self, number: int, *, handled: bool) -> None:
        """Take the reader's word for a message; raise `UnknownMessageError` if it was not given that one."""
        done = self._pending.pop(number, None)
        if done is None:
            raise UnknownMessageError(f"message {number} does not wait to be handled here")
        if handled:
            done.callback(None)
        else:
            done.errback(ReaderFailedError(f"the reader could not handle message {number}"))

    def leave(self) -> None:
        """Give back what was not handled."""
        self._gone = True
        pending, self._pending = self._pending, {}
        for number, done in pending.items():
            done.errback(ReaderGoneError(f"the reader went away before it handled message {number}"))


class Readers:
    """All readers of a daemon by the names of their subscriptions."""

    def __init__(self, client: Client, *, rng: Rng) -> None:
        """Read the messages of `client`; `rng` names the subscriptions, so that none can be guessed."""
        self._client = client
        self._rng = rng
        self._readers: dict[str, Reader] = {}

    async def run(self, kind: str, stream: EventStream) -> None:
        """Give messages of `kind` to the reader of `stream`, until this is cancelled."""
        reader = Reader(self._rng.randbytes(16).hex(), stream)
        self._readers[reader.subscription] = reader
        stream.send(SseEvent(SUBSCRIBED, msgspec.json.encode(Subscribed(reader.subscription))))
        stop = self._client.on_received(kind, reader.offer)
        try:
            while True:
                await stream.woken()
        finally:
            stop()
            del self._readers[reader.subscription]
            reader.leave()

    def settle(self, subscription: str, number: int, *, handled: bool) -> None:
        """Take a reader's word; raise `UnknownMessageError` if there is no such reader or message."""
        if subscription not in self._readers:
            raise UnknownMessageError("that subscription has ended")
        self._readers[subscription].settle(number, handled=handled)

"""Handling received messages in another process than the daemon's: `GET /v1/received`, from the reader's side."""

from __future__ import annotations

from typing import Protocol, TypeVar

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from client.api import ReceivedCallback, ReceivedMessage
from client.http.calling import call
from client.http.calling.call import Call
from client.http.messages import MESSAGE, SUBSCRIBED, Received, Subscribed, decode_answer
from client.http.sse import SseEvent

T = TypeVar("T")

_log = Logger("client.http")


class CallMaker(Protocol):
    """Makes calls."""

    async def ask(self, made: Call[T]) -> T:
        """Make a call and return its answer."""


class RemoteReader:
    """One callback; tells the daemon which messages it handled.

    A message that was handled while the daemon could not be told so comes again: it is settled without the callback.
    """

    def __init__(self, asker: CallMaker, callback: ReceivedCallback) -> None:
        """Give messages to `callback`, and tell the daemon by `asker` what became of them."""
        self._asker = asker
        self._callback = callback
        self._subscription = ""
        self._untold: set[int] = set()

    async def take(self, event: SseEvent) -> None:
        """Take one event of the stream."""
        if event.event == SUBSCRIBED:
            self._subscription = decode_answer(event.data, Subscribed).subscription
        elif event.event == MESSAGE:
            await self._take_message(decode_answer(event.data, Received))

    async def _take_message(self, received: Received) -> None:
        if received.number not in self._untold:
            body = received.body
            if body is None:
                body = await self._asker.ask(call.received_body(received.number))
            if not await self._handle(received.with_body(body)):
                await self._tell(received.number, handled=False)
                return
            self._untold.add(received.number)
        await self._tell(received.number, handled=True)
        self._untold.discard(received.number)

    async def _handle(self, message: ReceivedMessage) -> bool:
        try:
            pending = self._callback(message)
            if pending is not None:
                await pending
        except CancelledError:
            raise
        except Exception:  # the application's own code: whatever it raises, the message is not handled
            _log.failure("a callback failed on message {number}", number=message.number)
            return False
        return True

    async def _tell(self, number: int, *, handled: bool) -> None:
        await self._asker.ask(call.settle(self._subscription, number, handled=handled))

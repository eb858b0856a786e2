"""Handling received messages in another process than the daemon's: `GET /v1/received`, from the reader's side."""

from __future__ import annotations

from typing import Protocol, TypeVar

from client.api import ReceivedMessage
from client.feeds.listener import Listener
from client.http.calling import call
from client.http.calling.call import Call
from client.http.messages import MESSAGE, SUBSCRIBED, Received, Subscribed, decode_answer
from client.http.sse import SseEvent

T = TypeVar("T")


class CallMaker(Protocol):
    """Makes calls."""

    async def ask(self, made: Call[T]) -> T:
        """Make a call and return its answer."""


class RemoteReader:
    """One callback; tells the daemon which messages it handled.

    A message that was handled while the daemon could not be told so comes again: it is settled without the callback.
    """

    def __init__(self, asker: CallMaker, listener: Listener[ReceivedMessage]) -> None:
        """Give messages to `listener`, and tell the daemon by `asker` what became of them."""
        self._asker = asker
        self._listener = listener
        self._subscription = ""
        self._untold: set[int] = set()

    async def take(self, event: SseEvent) -> bool:
        """Take one event of the stream; what the callback failed on is offered again by the daemon."""
        if event.event == SUBSCRIBED:
            self._subscription = decode_answer(event.data, Subscribed).subscription
        elif event.event == MESSAGE:
            await self._take_message(decode_answer(event.data, Received))
        return True

    async def _take_message(self, received: Received) -> None:
        if received.number not in self._untold:
            body = received.body
            if body is None:
                body = await self._asker.ask(call.received_body(received.number))
            if not await self._listener.tell(received.with_body(body)):
                await self._tell(received.number, handled=False)
                return
            self._untold.add(received.number)
        await self._tell(received.number, handled=True)
        self._untold.discard(received.number)

    async def _tell(self, number: int, *, handled: bool) -> None:
        await self._asker.ask(call.settle(self._subscription, number, handled=handled))

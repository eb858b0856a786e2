"""Handling received messages in another process than the daemon's: `GET /v1/received`, from the program's side."""

from __future__ import annotations

from typing import Protocol, TypeVar

from twisted.logger import Logger

from client.api import ReceivedMessage, UnknownMessageError, WrongStateError
from client.feeds.listener import Listener
from client.http.calling import call
from client.http.calling.call import Call
from client.http.messages import MESSAGE, SUBSCRIBED, Received, Subscribed, decode_answer
from client.http.sse import SseEvent

MOST_REMEMBERED = 64
"""Of so many messages it is known that they were handled here."""

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

    def __init__(self, asker: CallMaker, listener: Listener[ReceivedMessage]) -> None:
        """Give messages to `listener`, and tell the daemon by `asker` what became of them."""
        self._asker = asker
        self._listener = listener
        self._subscription = ""
        self._told: dict[int, bool] = {}
        """Messages that were handled, oldest first, and whether the daemon knows."""

    async def take(self, event: SseEvent) -> bool:
        """Take one event of the stream; what the callback failed on is offered again by the daemon."""
        if event.event == SUBSCRIBED:
            self._subscription = decode_answer(event.data, Subscribed).subscription
            self._told = {number: False for number, told in self._told.items() if not told}
        elif event.event == MESSAGE:
            await self._take_message(decode_answer(event.data, Received))
        return True

    async def _take_message(self, received: Received) -> None:
        number = received.number
        if self._told.get(number):
            # The callback took so long that the daemon gave it to us again meanwhile.
            return
        if number not in self._told:
            body = received.body
            if body is None:
                try:
                    body = await self._asker.ask(call.received_body(number))
                except UnknownMessageError:
                    # It was deleted meanwhile: the daemon looks once more, and has the next one for us.
                    await self._tell(number, handled=False)
                    return
            if not await self._listener.tell(received.with_body(body)):
                await self._tell(number, handled=False)
                return
            self._remember(number, told=False)
        if await self._tell(number, handled=True):
            self._remember(number, told=True)

    def _remember(self, number: int, *, told: bool) -> None:
        self._told[number] = told
        if len(self._told) > MOST_REMEMBERED:
            del self._told[next(iter(self._told))]

    async def _tell(self, number: int, *, handled: bool) -> bool:
        try:
            await self._asker.ask(call.settle(self._subscription, number, handled=handled))
        except WrongStateError as error:
            _log.warn("{callback} was too slow: {reason}", callback=self._listener.name, reason=str(error))
            return False
        except UnknownMessageError:
            # The daemon was started again meanwhile, or another program has settled it.
            return False
        return True

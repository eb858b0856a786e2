"""The programs behind `GET /v1/received`: each is given messages, and says itself which of them it has handled."""

from __future__ import annotations

import msgspec

from client.api import UnknownMessageError
from client.core.journal import JournalledClient
from client.http.messages import MESSAGE, SUBSCRIBED, Subscribed, received_of
from client.http.serving.stream import EventStream
from client.http.sse import SseEvent
from loopixmix.seams import Rng


class Subscription:
    """One open stream of messages of one kind."""

    def __init__(self, client: JournalledClient, name: str, kind: str, *, reader: str, at_once: int, within_s: float):
        """Take part in what `reader` of `client` handles; the program speaks of its messages under `name`."""
        self.name = name
        self.share = client.share(kind, reader=reader, at_once=at_once, within_s=within_s, wake=self._wake)
        self._stream: EventStream | None = None

    async def begin(self) -> None:
        """Take part; raise `TooManyReadersError`."""
        await self.share.begin()

    async def run(self, stream: EventStream) -> None:
        """Write messages to `stream`; never returns."""
        self._stream = stream
        stream.send(SseEvent(SUBSCRIBED, msgspec.json.encode(Subscribed(self.name))))
        while True:
            # What the connection does not take stays in the store.
            await stream.writable()
            message = await self.share.take()
            if message is None:
                await stream.woken(within_s=self.share.wait_s())
            else:
                stream.send(SseEvent(MESSAGE, msgspec.json.encode(received_of(message)), str(message.number)))

    def _wake(self) -> None:
        if self._stream is not None:
            self._stream.wake()


class Subscriptions:
    """All of a daemon, by their names."""

    def __init__(self, client: JournalledClient, *, rng: Rng) -> None:
        """Read the messages of `client`; `rng` names the subscriptions, so that none can be guessed."""
        self._client = client
        self._rng = rng
        self._subscriptions: dict[str, Subscription] = {}

    def join(self, kind: str, *, reader: str, at_once: int, within_s: float) -> Subscription:
        """Let a program handle messages of `kind` as `reader`, until `end`; raise `BadRequestError`."""
        name = self._rng.randbytes(16).hex()
        made = Subscription(self._client, name, kind, reader=reader, at_once=at_once, within_s=within_s)
        self._subscriptions[name] = made
        return made

    def end(self, subscription: Subscription) -> None:
        """Give back what was not handled."""
        self._subscriptions.pop(subscription.name).share.leave()

    async def settle(self, subscription: str, number: int, *, handled: bool) -> None:
        """Take a program's word, and return once that is on the disk.

        Raises `UnknownMessageError` if there is no such subscription or message, `WrongStateError` if another program
        has got the message.
        """
        if subscription not in self._subscriptions:
            raise UnknownMessageError("that subscription has ended")
        share = self._subscriptions[subscription].share
        if handled:
            await share.handled(number)
        else:
            share.failed(number)

"""The programs behind `GET /v1/received`: each is given messages, and says itself which of them it has handled."""

from __future__ import annotations

import msgspec

from client.api import UnknownMessageError
from client.core.journal import JournalledClient, MessageShare
from client.http.messages import MESSAGE, SUBSCRIBED, Subscribed, received_of
from client.http.serving.stream import EventStream
from client.http.sse import SseEvent
from loopixmix.seams import Rng


class Subscription:
    """One open stream of messages of one kind."""

    def __init__(self, name: str) -> None:
        """Begin without a stream; the program speaks of its messages under `name`."""
        self.name = name
        self._stream: EventStream | None = None

    def wake(self) -> None:
        """Look for messages again."""
        if self._stream is not None:
            self._stream.wake()

    async def run(self, share: MessageShare, stream: EventStream) -> None:
        """Write the messages of `share` to `stream`; never returns."""
        self._stream = stream
        stream.send(SseEvent(SUBSCRIBED, msgspec.json.encode(Subscribed(self.name))))
        while True:
            await stream.writable()
            message = await share.take()
            if message is None:
                await stream.woken(within_s=share.wait_s())
            else:
                stream.send(SseEvent(MESSAGE, msgspec.json.encode(received_of(message)), str(message.number)))


class Subscriptions:
    """All of a daemon, by their names."""

    def __init__(self, client: JournalledClient, *, rng: Rng) -> None:
        """Read the messages of `client`; `rng` names the subscriptions, so that none can be guessed."""
        self._client = client
        self._rng = rng
        self._shares: dict[str, MessageShare] = {}

    async def begin(self, kind: str, *, reader: str, at_once: int, within_s: float) -> Subscription:
        """Let a program handle messages of `kind` as `reader`; it ends by `end`.

        Raises `BadRequestError` if an argument has the wrong form, `TooManyReadersError`.
        """
        subscription = Subscription(self._rng.randbytes(16).hex())
        share = self._client.share(kind, reader=reader, at_once=at_once, within_s=within_s, wake=subscription.wake)
        try:
            await share.begin()
        except BaseException:
            share.leave()
            raise
        self._shares[subscription.name] = share
        return subscription

    async def run(self, subscription: Subscription, stream: EventStream) -> None:
        """Write its messages to `stream`, until this is cancelled."""
        await subscription.run(self._shares[subscription.name], stream)

    def end(self, subscription: Subscription) -> None:
        """Give back what was not handled."""
        self._shares.pop(subscription.name).leave()

    async def settle(self, subscription: str, number: int, *, handled: bool) -> None:
        """Take a program's word, and return once that is on the disk.

        Raises `UnknownMessageError` if there is no such subscription or message, `WrongStateError` if another program
        has got the message.
        """
        if subscription not in self._shares:
            raise UnknownMessageError("that subscription has ended")
        if handled:
            await self._shares[subscription].handled(number)
        else:
            self._shares[subscription].failed(number)

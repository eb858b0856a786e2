"""The received messages of a fake client."""

from __future__ import annotations

from collections.abc import Callable

from client._fake.post import PostOffice
from client.api import MessageId, ReceivedMessage, UnknownMessageError, Verified


class FakeInbox:
    """Messages by number, handled or not; implements `client.receiving.callbacks.UnhandledMessages`."""

    def __init__(self, network: PostOffice, tell: Callable[[], None]) -> None:
        """Begin without messages; `network` has the time, `tell` is called at news."""
        self.messages: list[ReceivedMessage] = []
        self.newest = 0
        self._network = network
        self._tell = tell
        self._handled: set[int] = set()

    @property
    def unread(self) -> int:
        """How many messages no callback has handled yet."""
        return sum(message.number not in self._handled for message in self.messages)

    def add(
        self, *, message_id: MessageId, body: bytes, kind: str, sender: str | None, verified: Verified, reply_to: str
    ) -> None:
        """Number a message and keep it."""
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

    def delete(self, number: int) -> str:
        """Forget a message; return how it could be answered."""
        for message in self.messages:
            if message.number == number:
                self.messages.remove(message)
                self._tell()
                return message.reply_to
        raise UnknownMessageError(f"there is no received message {number}")

    async def first_unhandled(self, kind: str, *, after: int) -> ReceivedMessage | None:
        """Return the oldest message of a kind, with a number over `after`, that no callback has handled."""
        waiting = (m for m in self.messages if m.kind == kind and m.number > after and m.number not in self._handled)
        return next(waiting, None)

    async def unhandled(self, number: int) -> ReceivedMessage | None:
        """Return the message of this number, unless a callback has handled it."""
        waiting = (m for m in self.messages if m.number == number and number not in self._handled)
        return next(waiting, None)

    async def mark_handled(self, number: int) -> None:
        """Note that a callback has handled a message."""
        self._handled.add(number)
        self._tell()

"""The received messages of a fake client, and what each reader has handled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from client._fake.post import PostOffice
from client.api import (
    MessageId,
    NamedReader,
    ReceivedMessage,
    TooManyReadersError,
    UnknownMessageError,
    UnknownReaderError,
    Verified,
)
from client.store.readers import MAX_READERS


@dataclass
class _Reader:
    made_at_s: float
    used_at_s: float
    handled: set[int] = field(default_factory=set)


class FakeInbox:
    """Messages by number, handled or not; implements `client.receiving.offering.MessageShelf`."""

    def __init__(self, network: PostOffice, tell: Callable[[], None]) -> None:
        """Begin without messages; `network` has the time, `tell` is called at news."""
        self.messages: list[ReceivedMessage] = []
        self.newest = 0
        self._network = network
        self._tell = tell
        self._handled: set[int] = set()
        self._readers: dict[tuple[str, str], _Reader] = {}

    @property
    def unread(self) -> int:
        """How many messages nobody was shown and no reader has handled."""
        return sum(message.number not in self._handled for message in self.messages)

    def add(
        self,
        *,
        message_id: MessageId,
        body: bytes,
        kind: str,
        sender: str | None,
        verified: Verified,
        reply_to: str,
        fingerprint: str = "",
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
            fingerprint=fingerprint,
        )
        self.messages.append(message)
        self._tell()

    def mark_read(self, *, after: int, last: int) -> None:
        """Count messages as read."""
        self._handled |= {message.number for message in self.messages if after < message.number <= last}
        self._tell()

    def delete(self, number: int) -> str:
        """Forget a message; return how it could be answered."""
        for message in self.messages:
            if message.number == number:
                self.messages.remove(message)
                self._tell()
                return message.reply_to
        raise UnknownMessageError(f"there is no received message {number}")

    async def begin(self, name: str, kind: str) -> None:
        """Note that a reader is in use, and make it if it is not there; raise `TooManyReadersError`."""
        now_s = self._network.clock.seconds()
        if (name, kind) in self._readers:
            self._readers[name, kind].used_at_s = now_s
            return
        if name and sum(other != "" for other, _ in self._readers) >= MAX_READERS:
            raise TooManyReadersError(
                f"there are {MAX_READERS} named readers already: remove one before {name} begins to read {kind}"
            )
        self._readers[name, kind] = _Reader(now_s, now_s)

    async def first_open(self, name: str, kind: str, *, after: int) -> ReceivedMessage | None:
        """Return the oldest message that a reader has not handled."""
        return next((message for message in self._open(name, kind) if message.number > after), None)

    async def open_one(self, name: str, kind: str, number: int) -> ReceivedMessage | None:
        """Return the message of this number, unless the reader has handled it."""
        return next((message for message in self._open(name, kind) if message.number == number), None)

    async def settle(self, name: str, kind: str, number: int) -> bool:
        """Note that a reader has handled a message; return whether that is new."""
        handled = self._readers[name, kind].handled
        is_new = number not in handled
        handled.add(number)
        self._handled.add(number)
        self._tell()
        return is_new

    async def named(self) -> list[NamedReader]:
        """Return the named readers by name and kind."""
        return [
            NamedReader(
                name=name,
                kind=kind,
                waiting=len(self._open(name, kind)),
                programs=0,
                made_at_s=reader.made_at_s,
                used_at_s=reader.used_at_s,
            )
            for (name, kind), reader in sorted(self._readers.items(), key=lambda item: item[0])
            if name
        ]

    async def remove(self, name: str, kind: str) -> None:
        """Forget a reader."""
        if self._readers.pop((name, kind), None) is None:
            raise UnknownReaderError(f"there is no reader {name} of {kind}")

    def _open(self, name: str, kind: str) -> list[ReceivedMessage]:
        handled = self._readers[name, kind].handled
        return [message for message in self.messages if message.kind == kind and message.number not in handled]

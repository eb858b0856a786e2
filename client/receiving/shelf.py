"""The received messages in the store, and what each reader has handled."""

from __future__ import annotations

from client.api import NamedReader, ReceivedMessage, UnknownReaderError
from client.core.journal import News
from client.store import readers
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess


class StoredMessages:
    """Implements `client.receiving.offering.MessageShelf`."""

    def __init__(self, access: StoreAccess, news: News, *, clock: Clock) -> None:
        """Read and mark the messages in the store of `access`; `news` hears of handled ones."""
        self._access = access
        self._news = news
        self._clock = clock

    async def begin(self, name: str, kind: str) -> None:
        """Note that a reader is in use; see `MessageShelf.begin`."""
        now_s = self._clock.seconds()
        await self._access.write(lambda c: readers.begin(c, name, kind, now_s=now_s))

    async def first_open(self, name: str, kind: str, *, after: int) -> ReceivedMessage | None:
        """Return the oldest message that a reader has not handled."""
        return await self._access.read(lambda c: readers.first_open(c, name, kind, after=after))

    async def open_one(self, name: str, kind: str, number: int) -> ReceivedMessage | None:
        """Return the message of this number, unless the reader has handled it."""
        return await self._access.read(lambda c: readers.open_one(c, name, kind, number))

    async def settle(self, name: str, kind: str, number: int) -> bool:
        """Note durably that a reader has handled a message."""
        now_s = self._clock.seconds()
        is_new = await self._access.write(lambda c: readers.settle(c, name, kind, number, now_s=now_s))
        self._news.tell()
        return is_new

    async def named(self) -> list[NamedReader]:
        """Return the named readers by name and kind."""
        return await self._access.read(readers.named)

    async def remove(self, name: str, kind: str) -> None:
        """Forget a reader."""
        if not await self._access.write(lambda c: readers.remove(c, name, kind)):
            raise UnknownReaderError(f"there is no reader {name} of {kind}")

"""The received messages in the store that no callback has handled."""

from __future__ import annotations

from client.api import ReceivedMessage
from client.core.journal import News
from client.store import incoming
from loopixmix.store.access import StoreAccess


class StoredMessages:
    """Implements `client.receiving.callbacks.UnhandledMessages`."""

    def __init__(self, access: StoreAccess, news: News) -> None:
        """Read and mark the messages in the store of `access`; `news` hears of handled ones."""
        self._access = access
        self._news = news

    async def first_unhandled(self, kind: str, *, after: int) -> ReceivedMessage | None:
        """Return the oldest message of a kind, with a number over `after`, that no callback has handled."""
        return await self._access.read(lambda c: incoming.first_unhandled(c, kind, after=after))

    async def unhandled(self, number: int) -> ReceivedMessage | None:
        """Return the message of this number, unless a callback has handled it."""
        return await self._access.read(lambda c: incoming.unhandled(c, number))

    async def mark_handled(self, number: int) -> None:
        """Note that a callback has handled a message."""
        await self._access.write(lambda c: incoming.mark_handled(c, number))
        self._news.tell()

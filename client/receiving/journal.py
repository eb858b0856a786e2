"""The history: received messages and state changes, by their numbers in the store."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from client.api import ReceivedMessage, UnknownMessageError
from client.core.arguments import check_number
from client.core.journal import Cursor, News, NumberedChange
from client.store import incoming, outgoing, replies
from loopixmix.store.access import StoreAccess


class Journal:
    """The history in the store, and word of what is new in it."""

    def __init__(self, access: StoreAccess, news: News) -> None:
        """Read what `access` has; `news` tells when there is more."""
        self._access = access
        self._news = news

    async def received(self, *, after: int, limit: int) -> list[ReceivedMessage]:
        """Return received messages with a number over `after`, oldest first; fewer than `limit` if they are long."""
        return await self._access.read(lambda c: incoming.received_after(c, after=after, limit=limit))

    async def delete(self, number: int) -> None:
        """Forget a received message, and how to answer it; raise `UnknownMessageError`."""
        check_number(number)

        def delete(connection: Connection) -> bool:
            reply_to = incoming.delete_received(connection, number)
            if reply_to:
                replies.forget_group(connection, reply_to)
            return reply_to is not None

        if not await self._access.write(delete):
            raise UnknownMessageError(f"there is no received message {number}")
        self._news.tell()

    async def unread(self) -> int:
        """Return how many messages no callback has handled."""
        return await self._access.read(incoming.unread)

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes with a number over `after`, oldest first."""
        return await self._access.read(lambda c: outgoing.changes_after(c, after=after, limit=limit))

    async def newest(self) -> Cursor:
        """Return the numbers of the newest received message and state change, 0 if there is none."""
        return await self._access.read(lambda c: Cursor(incoming.newest_received(c), outgoing.newest_change(c)))

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after there is news; returns how to stop."""
        return self._news.listen(callback)

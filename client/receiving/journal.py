"""The history: received messages and state changes, by their numbers in the store."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.api import (
    Following,
    MessageProgress,
    NumberedChange,
    ProgressCallback,
    ReceivedMessage,
    UnknownMessageError,
)
from client.core.arguments import check_number
from client.core.journal import Cursor, News
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feeds
from client.receiving.unread import UnreadCount
from client.sending.feed import ProgressFeed
from client.sending.outbox import Outbox
from client.store import incoming, outgoing, replies, requests
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess


class Journal:
    """The history in the store, and word of what is new in it."""

    def __init__(
        self,
        access: StoreAccess,
        news: News,
        outbox: Outbox,
        unread: UnreadCount,
        *,
        clock: Clock,
        failures: CallbackFailures,
    ) -> None:
        """Read what `access` has; `news` tells when there is more.

        `outbox`: has the newest counts of messages on their way; `unread`: counts what nobody has handled; `clock`:
        keeps counts from being told too often; `failures`: hears what callbacks raise.
        """
        self._unread = unread
        self._access = access
        self._news = news
        self._outbox = outbox
        self._clock = clock
        self._feeds: Feeds[ProgressFeed] = Feeds()
        self._failures = failures

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

    async def mark_read(self, *, after: int, last: int) -> None:
        """Count the received messages of these numbers as read."""
        if await self._access.write(lambda c: incoming.mark_read(c, after=after, last=last)):
            self._news.tell()

    async def unread(self) -> int:
        """Return how many messages nobody was shown and no callback has handled, as far as the store answers."""
        return await self._unread.ask()

    async def in_time(self, waiting: Deferred[None]) -> bool:
        """Wait for the store a moment only; return whether `waiting` fired. Raises what it fails with."""
        return await self._unread.in_time(waiting)

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes with a number over `after`, oldest first."""
        return await self._access.read(lambda c: outgoing.changes_after(c, after=after, limit=limit))

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts that changed since `mark`, and the next mark."""
        counts, mark = self._outbox.progress(mark=mark, limit=limit)
        at_s = self._clock.seconds()
        told = [
            MessageProgress(
                number=0,
                message_id=each.message_id,
                at_s=at_s,
                fragments=each.fragments,
                fragments_sent=each.sent,
                fragments_acknowledged=each.acknowledged,
            )
            for each in counts
        ]
        return told, mark

    def on_progress(self, callback: ProgressCallback, after: int | None) -> Following:
        """Tell what happens to outgoing messages; raises as `client.api.Client.on_progress`."""
        feed = ProgressFeed(self, callback, clock=self._clock, after=after, failures=self._failures)
        return feed.follow(self._feeds.begin(feed))

    def stop(self) -> None:
        """Tell nothing any more."""
        self._feeds.stop()

    async def newest(self) -> Cursor:
        """Return the numbers of the newest received message, state change and end of a request, 0 for none."""
        return await self._access.read(
            lambda c: Cursor(incoming.newest_received(c), outgoing.newest_change(c), requests.newest_end(c))
        )

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after there is news; returns how to stop."""
        return self._news.listen(callback)

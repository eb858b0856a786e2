"""The events of `GET /v1/events`: received messages, state changes and the status, with ids to come back with."""

from __future__ import annotations

import msgspec

from client.core.journal import Cursor, JournalledClient
from client.feeds.interval import Interval
from client.http.cursors import encode_cursor
from client.http.messages import CHANGED, PROGRESS, RECEIVED, STATUS, received_of
from client.http.serving.stream import EventStream
from client.http.sse import SseEvent
from client.sending.feed import COUNTS_INTERVAL_S, count_at
from loopixmix.seams import Clock

STATUS_INTERVAL_S = 1.0
"""The status is told no more often than this."""

_RECEIVED_BATCH = 8
_CHANGED_BATCH = 100


class NewsWriter:
    """Tells one reader everything after its cursor, then what comes, until it is cancelled.

    Every event has an id, from the first one on, so that a reader whose connection breaks knows where to go on.
    """

    def __init__(
        self,
        client: JournalledClient,
        stream: EventStream,
        *,
        clock: Clock,
        cursor: Cursor,
        only_outgoing: bool,
    ) -> None:
        """Write the news of `client` after `cursor` to `stream`.

        `clock`: keeps the status and counts from being told too often; `only_outgoing`: leaves out the status and
        received messages.
        """
        self._client = client
        self._stream = stream
        self._clock = clock
        self._cursor = cursor
        self._only_outgoing = only_outgoing
        self._told_status = b""
        self._status = Interval(clock, STATUS_INTERVAL_S)
        self._counts = Interval(clock, COUNTS_INTERVAL_S)
        self._mark = 0

    async def run(self) -> None:
        """Write events; never returns."""
        # Listened before the first look, so that nothing is missed between the two.
        stop = self._client.on_change(self._stream.wake)
        try:
            while True:
                if await self._tell_received() or await self._tell_changes():
                    continue
                waits_s = [await self._tell_status(), await self._tell_counts()]
                await self._stream.woken(within_s=min((wait_s for wait_s in waits_s if wait_s), default=None))
        finally:
            stop()

    async def _tell_received(self) -> bool:
        if self._only_outgoing:
            return False
        await self._stream.writable()
        messages = await self._client.inbox(after=self._cursor.received, limit=_RECEIVED_BATCH)
        for message in messages:
            # Before it is written: should the connection break, the reader says itself how far it has come.
            self._cursor = Cursor(message.number, self._cursor.changes)
            self._tell(RECEIVED, msgspec.json.encode(received_of(message)))
        return bool(messages)

    async def _tell_changes(self) -> bool:
        await self._stream.writable()
        changes = await self._client.state_changes(after=self._cursor.changes, limit=_CHANGED_BATCH)
        for change in changes:
            self._cursor = Cursor(self._cursor.received, change.number)
            self._tell(CHANGED, msgspec.json.encode(change))
        return bool(changes)

    async def _tell_status(self) -> float | None:
        """Tell the status if it is due; return how long until it may be told again, if that is to come."""
        if self._only_outgoing:
            return None
        if wait_s := self._status.wait_s():
            return wait_s
        await self._stream.writable()
        status = msgspec.json.encode(await self._client.status())
        if status != self._told_status:
            self._told_status = status
            self._status.begin()
            self._tell(STATUS, status)
        return None

    async def _tell_counts(self) -> float | None:
        """Tell how far messages are, if that is due; return how long until it may be told again."""
        if wait_s := self._counts.wait_s():
            return wait_s
        await self._stream.writable()
        counts, self._mark = await self._client.progress(mark=self._mark, limit=_CHANGED_BATCH)
        if counts:
            self._counts.begin()
        for count in counts:
            self._tell(PROGRESS, msgspec.json.encode(count_at(count, self._cursor.changes)))
        return self._counts.wait_s() if len(counts) == _CHANGED_BATCH else None

    def _tell(self, event: str, data: bytes) -> None:
        self._stream.send(SseEvent(event, data, encode_cursor(self._cursor)))

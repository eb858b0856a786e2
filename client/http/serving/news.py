"""The events of `GET /v1/events`: received messages, state changes and the status, with ids to come back with."""

from __future__ import annotations

import re

import msgspec

from client.api import BadRequestError
from client.core.journal import Cursor, JournalledClient
from client.http.messages import CHANGED, RECEIVED, STATUS, received_of
from client.http.serving.stream import EventStream
from client.http.sse import SseEvent
from loopixmix.seams import Clock

STATUS_INTERVAL_S = 1.0
"""The status is told no more often than this."""

_RECEIVED_BATCH = 8
_CHANGED_BATCH = 100
_CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


def encode_cursor(cursor: Cursor) -> str:
    """Encode a cursor as the id of an event."""
    return f"{cursor.received}-{cursor.changes}"


def decode_cursor(text: str) -> Cursor:
    """Decode the id of an event; raise `BadRequestError` if it is none."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise BadRequestError(f"an event id is two numbers with a hyphen between them, not {text[:40]!r}")
    return Cursor(int(match[1]), int(match[2]))


class NewsWriter:
    """Tells one reader everything after its cursor, then what comes, until it is cancelled."""

    def __init__(self, client: JournalledClient, stream: EventStream, *, clock: Clock, cursor: Cursor) -> None:
        """Write the news of `client` after `cursor` to `stream`; `clock` keeps the status from being told too often."""
        self._client = client
        self._stream = stream
        self._clock = clock
        self._cursor = cursor
        self._told_status = b""
        self._status_due_s = clock.seconds()

    async def run(self) -> None:
        """Write events; never returns."""
        # Listened before the first look, so that nothing is missed between the two.
        stop = self._client.on_change(self._stream.wake)
        try:
            while True:
                if await self._tell_received() or await self._tell_changes():
                    continue
                await self._stream.woken(within_s=await self._tell_status())
        finally:
            stop()

    async def _tell_received(self) -> bool:
        await self._stream.writable()
        messages = await self._client.inbox(after=self._cursor.received, limit=_RECEIVED_BATCH)
        for message in messages:
            # Before it is written: should the connection break, the reader says itself how far it has come.
            self._cursor = Cursor(message.number, self._cursor.changes)
            self._tell(RECEIVED, received_of(message))
        return bool(messages)

    async def _tell_changes(self) -> bool:
        await self._stream.writable()
        changes = await self._client.state_changes(after=self._cursor.changes, limit=_CHANGED_BATCH)
        for change in changes:
            self._cursor = Cursor(self._cursor.received, change.number)
            self._tell(CHANGED, change)
        return bool(changes)

    async def _tell_status(self) -> float | None:
        """Tell the status if it is due; return how long until it may be told again, if that is to come."""
        wait_s = self._status_due_s - self._clock.seconds()
        # Any longer wait comes from a clock that was set back.
        if 0 < wait_s <= STATUS_INTERVAL_S:
            return wait_s
        await self._stream.writable()
        status = msgspec.json.encode(await self._client.status())
        if status != self._told_status:
            self._told_status = status
            self._status_due_s = self._clock.seconds() + STATUS_INTERVAL_S
            self._stream.send(SseEvent(STATUS, status))
        return None

    def _tell(self, event: str, value: msgspec.Struct) -> None:
        self._stream.send(SseEvent(event, msgspec.json.encode(value), encode_cursor(self._cursor)))

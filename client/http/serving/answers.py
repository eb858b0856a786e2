"""The events of `GET /v1/answers`: posted requests that have ended, in their order, with numbers to come back with."""

from __future__ import annotations

import msgspec

from client.core.journal import JournalledClient
from client.http.messages import ENDED
from client.http.serving.stream import EventStream
from client.http.sse import SseEvent

_BATCH = 8
"""So many answers, of up to 256 KB, are in memory at a time."""


class AnswerWriter:
    """Tells one reader every end after a number, then those that come, until it is cancelled."""

    def __init__(self, client: JournalledClient, stream: EventStream, *, after: int) -> None:
        """Write the ends of requests of `client` with a number over `after` to `stream`."""
        self._client = client
        self._stream = stream
        self._after = after

    async def run(self) -> None:
        """Write events; never returns."""
        # Listened before the first look, so that nothing is missed between the two.
        stop = self._client.on_change(self._stream.wake)
        try:
            while True:
                await self._stream.writable()
                ended = await self._client.ended_requests(after=self._after, limit=_BATCH)
                for request in ended:
                    # Before it is written: should the connection break, the reader says itself how far it has come.
                    self._after = request.ended
                    self._stream.send(SseEvent(ENDED, msgspec.json.encode(request), str(request.ended)))
                if not ended:
                    await self._stream.woken()
        finally:
            stop()

"""The event streams that are open, so that they end with the daemon."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.web.server import Request

from client.http.serving.described import EVENT_STREAM
from client.http.serving.stream import EventStream
from loopixmix.seams import Clock


class OpenStreams:
    """All event streams of one daemon."""

    def __init__(self, *, clock: Clock) -> None:
        """`clock` times the beats of the streams."""
        self._clock = clock
        self._open: set[EventStream] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def run(self, request: Request, tell: Callable[[EventStream], Awaitable[None]]) -> bytes:
        """Answer `request` with what `tell` writes to a stream, until this is cancelled."""
        if request.method == b"HEAD":
            # Only the headers are asked for: a stream would never end, and nobody would read it.
            request.setHeader(b"Content-Type", EVENT_STREAM.encode("ascii"))
            return b""
        stream = EventStream(request, clock=self._clock)
        self._open.add(stream)
        try:
            stream.open()
            await tell(stream)
        finally:
            self._open.discard(stream)
            stream.close()
        return b""

    def drop(self) -> None:
        """Cut all streams, as when the daemon stops."""
        for stream in tuple(self._open):
            stream.drop()

"""The routes about what happens: events, and the numbers of the newest."""

from __future__ import annotations

from twisted.web.server import Request

from client.api import BadRequestError
from client.core.journal import Cursor, JournalledClient
from client.http.cursors import decode_cursor, encode_cursor
from client.http.messages import OUTGOING
from client.http.serving.calls import read_query, write_json
from client.http.serving.described import EVENT_STREAM, Description, route
from client.http.serving.news import NewsWriter
from client.http.serving.routes.streams import OpenStreams
from client.http.serving.stream import EventStream
from loopixmix.seams import Clock


class EventRoutes:
    """Serves the news of a client."""

    def __init__(self, client: JournalledClient, *, streams: OpenStreams, clock: Clock) -> None:
        """Serve `client`; events are told on `streams`, and `clock` keeps some from being told too often."""
        self._client = client
        self._streams = streams
        self._clock = clock

    @route("GET", "/v1/events/newest", Description(answers=Cursor))
    async def newest(self, request: Request) -> bytes:
        """Tell the numbers of the newest events and of the newest end of a request."""
        return write_json(request, await self._client.newest())

    @route("GET", "/v1/events", Description(query={"after": False, "about": False}, forms=(EVENT_STREAM,)))
    async def events(self, request: Request) -> bytes:
        """Tell what happened after an event and what comes; without one, only what comes."""
        query = read_query(request, "after", "about")
        if query.get("about", OUTGOING) != OUTGOING:
            raise BadRequestError(f"about is {OUTGOING}, or left out, not {query['about'][:40]!r}")
        cursor = await self._cursor(request, query)

        async def tell(stream: EventStream) -> None:
            writer = NewsWriter(self._client, stream, clock=self._clock, cursor=cursor, only_outgoing="about" in query)
            await writer.run()

        return await self._streams.run(request, tell)

    async def _cursor(self, request: Request, query: dict[str, str]) -> Cursor:
        last: str | None = request.getHeader("Last-Event-ID")
        position, newest = last or query.get("after"), await self._client.newest()
        if position is None:
            return newest
        cursor = decode_cursor(position)
        if cursor.is_after(newest):
            # It may come from another client, or from a store of a later day: what it stands for here nobody knows.
            raise BadRequestError(f"there was no event {position} yet: the newest is {encode_cursor(newest)}")
        return cursor

"""The routes about received messages: a list of them, and programs that handle them."""

from __future__ import annotations

from twisted.web.server import Request

from client.api import NamedReader, ReceivedMessage, UnknownMessageError
from client.core.arguments import MOST_AT_ONCE, USUAL_SHARE_S
from client.core.journal import JournalledClient
from client.http.messages import ReadBody, Received, received_of
from client.http.serving.calls import (
    parse_count,
    parse_seconds,
    read_json,
    read_page,
    read_query,
    required,
    write_json,
    write_nothing,
    write_octets,
)
from client.http.serving.described import EVENT_STREAM, NOTHING, OCTETS_ANSWER, Description, route
from client.http.serving.readers import Subscriptions
from client.http.serving.routes.streams import OpenStreams
from loopixmix.seams import Rng

_PAGE_STEP = 8
SHARE_QUERY = {"kind": True, "reader": False, "at_once": False, "within_s": False}


class InboxRoutes:
    """Serves the messages that a client received."""

    def __init__(self, client: JournalledClient, *, streams: OpenStreams, rng: Rng) -> None:
        """Serve `client`; messages are offered on `streams`, and `rng` names subscriptions."""
        self._client = client
        self._streams = streams
        self._subscriptions = Subscriptions(client, rng=rng)

    @route("GET", "/v1/inbox", Description(query={"after": False, "limit": False}, answers=list[Received]))
    async def inbox(self, request: Request) -> bytes:
        """List received messages; long bodies are left out."""
        return write_json(request, await self._page(*read_page(request)))

    @route("POST", "/v1/inbox/read", Description(takes=ReadBody, status=204, forms=()))
    async def mark_read(self, request: Request) -> bytes:
        """Take note that received messages were shown to somebody; answers once that is on the disk."""
        body = read_json(request, ReadBody)
        await self._client.mark_read(after=body.after, last=body.last)
        return write_nothing(request)

    @route("GET", "/v1/inbox/<int(max=1000000000000000000):number>", Description(answers=Received))
    async def received(self, request: Request, number: int) -> bytes:
        """Tell one received message; a long body is left out."""
        return write_json(request, received_of(await self._received(number)))

    @route("DELETE", "/v1/inbox/<int(max=1000000000000000000):number>", NOTHING)
    async def delete(self, request: Request, number: int) -> bytes:
        """Forget one received message."""
        await self._client.delete(number)
        return write_nothing(request)

    @route("GET", "/v1/inbox/<int(max=1000000000000000000):number>/body", OCTETS_ANSWER)
    async def received_body(self, request: Request, number: int) -> bytes:
        """Return the body of one received message."""
        return write_octets(request, (await self._received(number)).body)

    @route("GET", "/v1/received", Description(query=SHARE_QUERY, forms=(EVENT_STREAM,)))
    async def read(self, request: Request) -> bytes:
        """Give the messages of a kind to a program that says which it handled."""
        query = read_query(request, *SHARE_QUERY)
        subscription = self._subscriptions.join(
            required(query, "kind"),
            reader=query.get("reader", ""),
            at_once=parse_count("at_once", query.get("at_once", str(MOST_AT_ONCE)), least=1, most=MOST_AT_ONCE),
            within_s=parse_seconds("within_s", query.get("within_s", str(USUAL_SHARE_S))),
        )
        try:
            if request.method != b"HEAD":
                # Before the stream is open: then there is still an answer that can tell of an error.
                await subscription.begin()
            return await self._streams.run(request, subscription.run)
        finally:
            self._subscriptions.end(subscription)

    @route("POST", "/v1/received/<subscription>/<int:number>/handled", NOTHING)
    async def handled(self, request: Request, subscription: str, number: int) -> bytes:
        """Take note that a program handled a message; answers once that is on the disk."""
        await self._subscriptions.settle(subscription, number, handled=True)
        return write_nothing(request)

    @route("POST", "/v1/received/<subscription>/<int:number>/failed", NOTHING)
    async def failed(self, request: Request, subscription: str, number: int) -> bytes:
        """Take note that a program could not handle a message."""
        await self._subscriptions.settle(subscription, number, handled=False)
        return write_nothing(request)

    @route("GET", "/v1/readers", Description(answers=list[NamedReader]))
    async def readers(self, request: Request) -> bytes:
        """List the readers that have a name."""
        read_query(request)
        return write_json(request, await self._client.readers())

    @route("DELETE", "/v1/readers/<name>", Description(query={"kind": True}, status=204, forms=()))
    async def remove_reader(self, request: Request, name: str) -> bytes:
        """Forget a reader, and what it has handled of a kind."""
        await self._client.remove_reader(name, required(read_query(request, "kind"), "kind"))
        return write_nothing(request)

    async def _page(self, after: int, limit: int) -> list[Received]:
        page: list[Received] = []
        while len(page) < limit:
            step = await self._client.inbox(after=after, limit=min(_PAGE_STEP, limit - len(page)))
            if not step:
                break
            after = step[-1].number
            page.extend(received_of(message) for message in step)
        return page

    async def _received(self, number: int) -> ReceivedMessage:
        for message in await self._client.inbox(after=number - 1, limit=1) if number > 0 else []:
            if message.number == number:
                return message
        raise UnknownMessageError(f"there is no received message {number}")

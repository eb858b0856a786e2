"""The routes about messages to others."""

from __future__ import annotations

from twisted.web.server import Request

from client.api import Client, Letter, OutgoingMessage, TimeEstimate
from client.http.messages import JSON, MESSAGE_PACK, OCTETS, Bulk, Sent, SentMany
from client.http.serving.bodies import Breathe
from client.http.serving.calls import (
    MAX_NUMBER,
    UnsupportedTypeError,
    media_type,
    parse_count,
    parse_flag,
    parse_time,
    read_long,
    read_octets,
    read_page,
    read_query,
    required,
    write_json,
    write_nothing,
)
from client.http.serving.described import NOTHING, Description, route

LETTER_QUERY = {
    "to": True,
    "kind": True,
    "idempotency_key": True,
    "anonymous": False,
    "not_before_s": False,
    "deadline_s": False,
}
"""The parameters of a message in plain bytes, and whether each is required."""


class OutgoingRoutes:
    """Serves the messages that a client sends."""

    def __init__(self, client: Client, *, breathe: Breathe) -> None:
        """Serve `client`. `breathe`: lets others have their turn while a long message is read."""
        self._client = client
        self._breathe = breathe

    @route("POST", "/v1/messages", Description(takes=Letter, octets_query=LETTER_QUERY, answers=Sent, status=202))
    async def send(self, request: Request) -> bytes:
        """Queue a message."""
        letter = await _letter(request, self._breathe)
        message_id = await self._client.send(
            letter.to,
            letter.body,
            kind=letter.kind,
            idempotency_key=letter.idempotency_key,
            anonymous=letter.anonymous,
            not_before_s=letter.not_before_s,
            deadline_s=letter.deadline_s,
        )
        return write_json(request, Sent(message_id), status=202)

    @route(
        "POST",
        "/v1/messages/bulk",
        Description(takes=Bulk, takes_forms=(JSON, MESSAGE_PACK), answers=SentMany, status=202),
    )
    async def send_many(self, request: Request) -> bytes:
        """Queue several messages, all or none."""
        bulk = await read_long(request, Bulk, self._breathe)
        message_ids = await self._client.send_many(bulk.letters)
        return write_json(request, SentMany(message_ids), status=202)

    @route("GET", "/v1/messages", Description(query={"after": False, "limit": False}, answers=list[OutgoingMessage]))
    async def sent(self, request: Request) -> bytes:
        """List outgoing messages, of any state."""
        after, limit = read_page(request)
        return write_json(request, await self._client.sent(after=after, limit=limit))

    @route("GET", "/v1/estimate", Description(query={"body_bytes": True, "to": True}, answers=TimeEstimate))
    async def estimate(self, request: Request) -> bytes:
        """Tell how long a message would take."""
        query = read_query(request, "body_bytes", "to")
        text = required(query, "body_bytes")
        body_bytes = parse_count("body_bytes", text, least=0, most=MAX_NUMBER)
        return write_json(request, await self._client.estimate(body_bytes, required(query, "to")))

    @route("GET", "/v1/messages/<message_id>", Description(answers=OutgoingMessage))
    async def message(self, request: Request, message_id: str) -> bytes:
        """Tell where an outgoing message is."""
        return write_json(request, await self._client.message(message_id))

    @route("DELETE", "/v1/messages/<message_id>", NOTHING)
    async def delete_outgoing(self, request: Request, message_id: str) -> bytes:
        """Forget an outgoing message that has ended."""
        await self._client.delete_outgoing(message_id)
        return write_nothing(request)

    @route("POST", "/v1/messages/<message_id>/cancel", Description(answers=OutgoingMessage))
    async def cancel(self, request: Request, message_id: str) -> bytes:
        """Send nothing more of a message."""
        return write_json(request, await self._client.cancel(message_id))


async def _letter(request: Request, breathe: Breathe) -> Letter:
    found = media_type(request)
    if found == JSON:
        return await read_long(request, Letter, breathe)
    if found != OCTETS:
        raise UnsupportedTypeError(found)
    query = read_query(request, *LETTER_QUERY)
    times = {name: parse_time(name, query[name]) for name in ("not_before_s", "deadline_s") if name in query}
    return Letter(
        to=required(query, "to"),
        kind=required(query, "kind"),
        idempotency_key=required(query, "idempotency_key"),
        body=read_octets(request),
        anonymous=parse_flag("anonymous", query.get("anonymous", "false")),
        not_before_s=times.get("not_before_s"),
        deadline_s=times.get("deadline_s"),
    )

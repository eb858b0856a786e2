"""The routes about requests to services."""

from __future__ import annotations

from twisted.web.server import Request

from client.api import PostedRequest, TimeEstimate
from client.core.arguments import check_end
from client.core.journal import JournalledClient
from client.http.messages import JSON, OCTETS, Answered, PostBody, PostedId, RequestBody
from client.http.serving.answers import AnswerWriter
from client.http.serving.calls import (
    MAX_NUMBER,
    media_type,
    parse_count,
    parse_seconds,
    parse_time,
    read_json,
    read_octets,
    read_query,
    required,
    write_json,
    write_nothing,
    write_octets,
)
from client.http.serving.described import EVENT_STREAM, NOTHING, Description, route
from client.http.serving.routes.streams import OpenStreams

REQUEST_QUERY = {"service": True, "timeout_s": True}
POST_QUERY = {"service": True, "idempotency_key": True, "not_before_s": False, "deadline_s": False}


class RequestRoutes:
    """Serves the requests of a client, and their answers."""

    def __init__(self, client: JournalledClient, *, streams: OpenStreams) -> None:
        """Serve `client`; answers are told on `streams`."""
        self._client = client
        self._streams = streams

    @route(
        "POST",
        "/v1/requests",
        Description(takes=RequestBody, octets_query=REQUEST_QUERY, answers=Answered, forms=(JSON, OCTETS)),
    )
    async def request(self, request: Request) -> bytes:
        """Ask a service; the answer is of the type that the request had."""
        body = _request_body(request)
        answer = await self._client.request(
            body.service, body.body, timeout_s=parse_seconds("timeout_s", body.timeout_s)
        )
        return write_json(request, Answered(answer)) if media_type(request) == JSON else write_octets(request, answer)

    @route("POST", "/v1/posted", Description(takes=PostBody, octets_query=POST_QUERY, answers=PostedId, status=202))
    async def post_request(self, request: Request) -> bytes:
        """Queue a request, whose answer is waited for through restarts."""
        body = _post_body(request)
        request_id = await self._client.post_request(
            body.service,
            body.body,
            idempotency_key=body.idempotency_key,
            not_before_s=body.not_before_s,
            deadline_s=body.deadline_s,
        )
        return write_json(request, PostedId(request_id), status=202)

    @route(
        "GET",
        "/v1/posted/estimate",
        Description(query={"request_bytes": True, "answer_bytes": True}, answers=TimeEstimate),
    )
    async def estimate_request(self, request: Request) -> bytes:
        """Tell how long a request would take."""
        query = read_query(request, "request_bytes", "answer_bytes")
        sizes = [
            parse_count(name, required(query, name), least=0, most=MAX_NUMBER)
            for name in ("request_bytes", "answer_bytes")
        ]
        return write_json(request, await self._client.estimate_request(*sizes))

    @route("GET", "/v1/posted/<request_id>", Description(answers=PostedRequest))
    async def posted(self, request: Request, request_id: str) -> bytes:
        """Tell where a posted request is, and its answer."""
        return write_json(request, await self._client.answer(request_id))

    @route("DELETE", "/v1/posted/<request_id>", NOTHING)
    async def forget_request(self, request: Request, request_id: str) -> bytes:
        """Forget a posted request that has ended."""
        await self._client.forget_request(request_id)
        return write_nothing(request)

    @route("POST", "/v1/posted/<request_id>/cancel", Description(answers=PostedRequest))
    async def cancel_request(self, request: Request, request_id: str) -> bytes:
        """Send nothing more of a posted request."""
        return write_json(request, await self._client.cancel_request(request_id))

    @route("GET", "/v1/answers", Description(query={"after": False}, forms=(EVENT_STREAM,)))
    async def answers(self, request: Request) -> bytes:
        """Tell the ends of posted requests after a number, and those that come."""
        query = read_query(request, "after")
        last: str | None = request.getHeader("Last-Event-ID")
        after = parse_count("after", last or query.get("after", "0"), least=0, most=MAX_NUMBER)
        check_end(after, (await self._client.newest()).ended)
        return await self._streams.run(request, lambda stream: AnswerWriter(self._client, stream, after=after).run())


def _request_body(request: Request) -> RequestBody:
    if media_type(request) != OCTETS:
        return read_json(request, RequestBody)
    query = read_query(request, *REQUEST_QUERY)
    timeout_s = parse_seconds("timeout_s", required(query, "timeout_s"))
    return RequestBody(service=required(query, "service"), body=read_octets(request), timeout_s=timeout_s)


def _post_body(request: Request) -> PostBody:
    if media_type(request) != OCTETS:
        return read_json(request, PostBody)
    query = read_query(request, *POST_QUERY)
    times = {name: parse_time(name, query[name]) for name in ("not_before_s", "deadline_s") if name in query}
    return PostBody(
        service=required(query, "service"),
        body=read_octets(request),
        idempotency_key=required(query, "idempotency_key"),
        not_before_s=times.get("not_before_s"),
        deadline_s=times.get("deadline_s"),
    )

"""The routes of the local API: each one a call of `client.api.Client`. Specification: docs/protocol/local-api.md."""

from __future__ import annotations

from collections.abc import Mapping

from klein import Klein
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from client.api import (
    BadRequestError,
    ClientStatus,
    Contact,
    Letter,
    NamedReader,
    NetworkView,
    OutgoingMessage,
    PostedRequest,
    ReceivedMessage,
    TimeEstimate,
    UnknownMessageError,
)
from client.core.claims import MOST_AT_ONCE, USUAL_S
from client.core.journal import Cursor, JournalledClient
from client.http.messages import (
    JSON,
    MAX_PAGE,
    MESSAGE_PACK,
    OCTETS,
    OUTGOING,
    AcceptBody,
    AccountBody,
    Admitted,
    Answered,
    Bulk,
    ContactBody,
    GuestBody,
    OfferedPages,
    PageLink,
    PostBody,
    PostedId,
    Received,
    Registered,
    RequestBody,
    Sent,
    SentMany,
    TakenToken,
    TakeTokenBody,
    TokensBody,
    received_of,
)
from client.http.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, UNSUPPORTED_TYPE, problem_of
from client.http.serving.answers import AnswerWriter
from client.http.serving.calls import (
    UnsupportedTypeError,
    media_type,
    parse_count,
    parse_flag,
    parse_seconds,
    parse_time,
    read_json,
    read_octets,
    read_packed,
    read_query,
    required,
    write_json,
    write_octets,
    write_problem,
)
from client.http.serving.described import EVENT_STREAM, NOTHING, OCTETS_ANSWER, Description, described, described_routes
from client.http.serving.news import NewsWriter, decode_cursor, encode_cursor
from client.http.serving.openapi import openapi_document
from client.http.serving.pages import InstalledPages
from client.http.serving.readers import Subscriptions
from client.http.serving.stream import EventStream
from loopixmix.errors import LoopixmixError
from loopixmix.seams import Clock, Rng
from loopixmix.web.visiting.links import LINK_LIFE_S

MAX_NUMBER = 10**18
_PAGE_STEP = 8
LETTER_QUERY = {
    "to": True,
    "kind": True,
    "idempotency_key": True,
    "anonymous": False,
    "not_before_s": False,
    "deadline_s": False,
}
"""The parameters of a message in plain bytes, and whether each is required."""
SHARE_QUERY = {"kind": True, "reader": False, "at_once": False, "within_s": False}
REQUEST_QUERY = {"service": True, "timeout_s": True}
POST_QUERY = {"service": True, "idempotency_key": True, "not_before_s": False, "deadline_s": False}

_log = Logger("client.http")


class LocalApi:
    """Serves one client; `app.resource()` is the root of the site."""

    app = Klein()

    def __init__(
        self, client: JournalledClient, *, pages: InstalledPages[JournalledClient], clock: Clock, rng: Rng
    ) -> None:
        """Serve `client` and give out links to `pages`; `clock` times event streams, `rng` names subscriptions."""
        self._client = client
        self._pages = pages
        self._clock = clock
        self._subscriptions = Subscriptions(client, rng=rng)
        self._streams: set[EventStream] = set()

    def drop_streams(self) -> None:
        """Cut all event streams, as when the daemon stops."""
        for stream in tuple(self._streams):
            stream.drop()

    @app.route("/v1/status", methods=["GET"])
    @described(Description(answers=ClientStatus))
    async def status(self, request: Request) -> bytes:
        """Tell what the client is doing now."""
        read_query(request)
        return write_json(request, await self._client.status())

    @app.route("/v1/account", methods=["POST"])
    @described(Description(takes=AccountBody, answers=Registered, status=201))
    async def register(self, request: Request) -> bytes:
        """Open an account."""
        body = read_json(request, AccountBody)
        address = await self._client.register(body.name, body.provider, invitation=body.invitation)
        return write_json(request, Registered(address), status=201)

    @app.route("/v1/guest", methods=["POST"])
    @described(Description(takes=GuestBody, answers=Admitted, status=201))
    async def register_guest(self, request: Request) -> bytes:
        """Open an account without a name."""
        body = read_json(request, GuestBody)
        provider = await self._client.register_guest(body.provider, token=body.token)
        return write_json(request, Admitted(provider), status=201)

    @app.route("/v1/tokens", methods=["POST"])
    @described(Description(takes=TokensBody, status=204, forms=()))
    async def fetch_tokens(self, request: Request) -> bytes:
        """Order blind tokens."""
        body = read_json(request, TokensBody)
        await self._client.fetch_tokens(body.issuer, body.purpose, body.count, credential=body.credential, key=body.key)
        return _nothing(request)

    @app.route("/v1/tokens/take", methods=["POST"])
    @described(Description(takes=TakeTokenBody, answers=TakenToken))
    async def take_token(self, request: Request) -> bytes:
        """Take a blind token, which is forgotten here."""
        body = read_json(request, TakeTokenBody)
        return write_json(request, TakenToken(await self._client.take_token(body.purpose)))

    @app.route("/v1/network", methods=["GET"])
    @described(Description(answers=NetworkView))
    async def network(self, request: Request) -> bytes:
        """List the providers of the network and their services."""
        read_query(request)
        return write_json(request, await self._client.network())

    @app.route("/v1/messages", methods=["POST"])
    @described(Description(takes=Letter, octets_query=LETTER_QUERY, answers=Sent, status=202))
    async def send(self, request: Request) -> bytes:
        """Queue a message."""
        letter = _letter(request)
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

    @app.route("/v1/messages/bulk", methods=["POST"])
    @described(Description(takes=Bulk, takes_forms=(JSON, MESSAGE_PACK), answers=SentMany, status=202))
    async def send_many(self, request: Request) -> bytes:
        """Queue several messages, all or none."""
        read_query(request)
        message_ids = await self._client.send_many(read_packed(request, Bulk).letters)
        return write_json(request, SentMany(message_ids), status=202)

    @app.route("/v1/estimate", methods=["GET"])
    @described(Description(query={"body_bytes": True, "to": True}, answers=TimeEstimate))
    async def estimate(self, request: Request) -> bytes:
        """Tell how long a message would take."""
        query = read_query(request, "body_bytes", "to")
        text = required(query, "body_bytes")
        body_bytes = parse_count("body_bytes", text, least=0, most=MAX_NUMBER)
        return write_json(request, await self._client.estimate(body_bytes, required(query, "to")))

    @app.route("/v1/messages/<message_id>", methods=["GET"])
    @described(Description(answers=OutgoingMessage))
    async def message(self, request: Request, message_id: str) -> bytes:
        """Tell where an outgoing message is."""
        read_query(request)
        return write_json(request, await self._client.message(message_id))

    @app.route("/v1/messages/<message_id>", methods=["DELETE"])
    @described(NOTHING)
    async def delete_outgoing(self, request: Request, message_id: str) -> bytes:
        """Forget an outgoing message that has ended."""
        read_query(request)
        await self._client.delete_outgoing(message_id)
        return _nothing(request)

    @app.route("/v1/messages/<message_id>/cancel", methods=["POST"])
    @described(Description(answers=OutgoingMessage))
    async def cancel(self, request: Request, message_id: str) -> bytes:
        """Send nothing more of a message."""
        read_query(request)
        return write_json(request, await self._client.cancel(message_id))

    @app.route("/v1/requests", methods=["POST"])
    @described(Description(takes=RequestBody, octets_query=REQUEST_QUERY, answers=Answered, forms=(JSON, OCTETS)))
    async def request(self, request: Request) -> bytes:
        """Ask a service; the answer is of the type that the request had."""
        body = _request_body(request)
        answer = await self._client.request(
            body.service, body.body, timeout_s=parse_seconds("timeout_s", body.timeout_s)
        )
        return write_json(request, Answered(answer)) if media_type(request) == JSON else write_octets(request, answer)

    @app.route("/v1/posted", methods=["POST"])
    @described(Description(takes=PostBody, octets_query=POST_QUERY, answers=PostedId, status=202))
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

    @app.route("/v1/posted/estimate", methods=["GET"])
    @described(Description(query={"request_bytes": True, "answer_bytes": True}, answers=TimeEstimate))
    async def estimate_request(self, request: Request) -> bytes:
        """Tell how long a request would take."""
        query = read_query(request, "request_bytes", "answer_bytes")
        sizes = [
            parse_count(name, required(query, name), least=0, most=MAX_NUMBER)
            for name in ("request_bytes", "answer_bytes")
        ]
        return write_json(request, await self._client.estimate_request(*sizes))

    @app.route("/v1/posted/<request_id>", methods=["GET"])
    @described(Description(answers=PostedRequest))
    async def posted(self, request: Request, request_id: str) -> bytes:
        """Tell where a posted request is, and its answer."""
        read_query(request)
        return write_json(request, await self._client.answer(request_id))

    @app.route("/v1/posted/<request_id>", methods=["DELETE"])
    @described(NOTHING)
    async def forget_request(self, request: Request, request_id: str) -> bytes:
        """Forget a posted request that has ended."""
        read_query(request)
        await self._client.forget_request(request_id)
        return _nothing(request)

    @app.route("/v1/posted/<request_id>/cancel", methods=["POST"])
    @described(Description(answers=PostedRequest))
    async def cancel_request(self, request: Request, request_id: str) -> bytes:
        """Send nothing more of a posted request."""
        read_query(request)
        return write_json(request, await self._client.cancel_request(request_id))

    @app.route("/v1/answers", methods=["GET"])
    @described(Description(query={"after": False}, forms=(EVENT_STREAM,)))
    async def answers(self, request: Request) -> None:
        """Tell the ends of posted requests after a number, and those that come."""
        query = read_query(request, "after")
        last: str | None = request.getHeader("Last-Event-ID")
        after = parse_count("after", last or query.get("after", "0"), least=0, most=MAX_NUMBER)
        stream = self._open_stream(request)
        try:
            await AnswerWriter(self._client, stream, after=after).run()
        finally:
            self._close_stream(stream)

    @app.route("/v1/inbox", methods=["GET"])
    @described(Description(query={"after": False, "limit": False}, answers=list[Received]))
    async def inbox(self, request: Request) -> bytes:
        """List received messages; long bodies are left out."""
        query = read_query(request, "after", "limit")
        after = parse_count("after", query.get("after", "0"), least=0, most=MAX_NUMBER)
        limit = parse_count("limit", query.get("limit", str(MAX_PAGE)), least=1, most=MAX_PAGE)
        return write_json(request, await self._page(after, limit))

    @app.route("/v1/inbox/<int(max=1000000000000000000):number>", methods=["GET"])
    @described(Description(answers=Received))
    async def received(self, request: Request, number: int) -> bytes:
        """Tell one received message; a long body is left out."""
        read_query(request)
        return write_json(request, received_of(await self._received(number)))

    @app.route("/v1/inbox/<int(max=1000000000000000000):number>", methods=["DELETE"])
    @described(NOTHING)
    async def delete(self, request: Request, number: int) -> bytes:
        """Forget one received message."""
        read_query(request)
        await self._client.delete(number)
        return _nothing(request)

    @app.route("/v1/inbox/<int(max=1000000000000000000):number>/body", methods=["GET"])
    @described(OCTETS_ANSWER)
    async def received_body(self, request: Request, number: int) -> bytes:
        """Return the body of one received message."""
        read_query(request)
        return write_octets(request, (await self._received(number)).body)

    @app.route("/v1/received", methods=["GET"])
    @described(Description(query=SHARE_QUERY, forms=(EVENT_STREAM,)))
    async def read(self, request: Request) -> None:
        """Give the messages of a kind to a program that says which it handled."""
        query = read_query(request, *SHARE_QUERY)
        subscription = await self._subscriptions.begin(
            required(query, "kind"),
            reader=query.get("reader", ""),
            at_once=parse_count("at_once", query.get("at_once", str(MOST_AT_ONCE)), least=1, most=MOST_AT_ONCE),
            within_s=parse_seconds("within_s", query.get("within_s", str(USUAL_S))),
        )
        stream = self._open_stream(request)
        try:
            await self._subscriptions.run(subscription, stream)
        finally:
            self._subscriptions.end(subscription)
            self._close_stream(stream)

    @app.route("/v1/received/<subscription>/<int:number>/handled", methods=["POST"])
    @described(NOTHING)
    async def handled(self, request: Request, subscription: str, number: int) -> bytes:
        """Take note that a program handled a message; answers once that is on the disk."""
        await self._subscriptions.settle(subscription, number, handled=True)
        return _nothing(request)

    @app.route("/v1/received/<subscription>/<int:number>/failed", methods=["POST"])
    @described(NOTHING)
    async def failed(self, request: Request, subscription: str, number: int) -> bytes:
        """Take note that a program could not handle a message."""
        await self._subscriptions.settle(subscription, number, handled=False)
        return _nothing(request)

    @app.route("/v1/readers", methods=["GET"])
    @described(Description(answers=list[NamedReader]))
    async def readers(self, request: Request) -> bytes:
        """List the readers that have a name."""
        read_query(request)
        return write_json(request, await self._client.readers())

    @app.route("/v1/readers/<name>", methods=["DELETE"])
    @described(Description(query={"kind": True}, status=204, forms=()))
    async def remove_reader(self, request: Request, name: str) -> bytes:
        """Forget a reader, and what it has handled of a kind."""
        await self._client.remove_reader(name, required(read_query(request, "kind"), "kind"))
        return _nothing(request)

    @app.route("/v1/events/newest", methods=["GET"])
    @described(Description(answers=Cursor))
    async def newest(self, request: Request) -> bytes:
        """Tell the numbers of the newest events."""
        read_query(request)
        return write_json(request, await self._client.newest())

    @app.route("/v1/events", methods=["GET"])
    @described(Description(query={"after": False, "about": False}, forms=(EVENT_STREAM,)))
    async def events(self, request: Request) -> None:
        """Tell what happened after an event and what comes; without one, only what comes."""
        query = read_query(request, "after", "about")
        if query.get("about", OUTGOING) != OUTGOING:
            raise BadRequestError(f"about is {OUTGOING}, or left out, not {query['about'][:40]!r}")
        cursor = await self._cursor(request, query)
        only_outgoing = "about" in query
        stream = self._open_stream(request)
        try:
            writer = NewsWriter(self._client, stream, clock=self._clock, cursor=cursor, only_outgoing=only_outgoing)
            await writer.run()
        finally:
            self._close_stream(stream)

    @app.route("/v1/contacts", methods=["GET"])
    @described(Description(answers=list[Contact]))
    async def contacts(self, request: Request) -> bytes:
        """List all contacts."""
        read_query(request)
        return write_json(request, await self._client.contacts())

    @app.route("/v1/contacts", methods=["POST"])
    @described(Description(takes=ContactBody, answers=Contact, status=201))
    async def add_contact(self, request: Request) -> bytes:
        """Look up and pin a contact."""
        body = read_json(request, ContactBody)
        return write_json(request, await self._client.add_contact(body.address), status=201)

    @app.route("/v1/contacts/<address>", methods=["DELETE"])
    @described(NOTHING)
    async def remove_contact(self, request: Request, address: str) -> bytes:
        """Forget a contact."""
        await self._client.remove_contact(address)
        return _nothing(request)

    @app.route("/v1/contacts/<address>/accept", methods=["POST"])
    @described(Description(takes=AcceptBody, answers=Contact))
    async def accept_key(self, request: Request, address: str) -> bytes:
        """Pin the key of a contact whose fingerprint was compared."""
        body = read_json(request, AcceptBody)
        return write_json(request, await self._client.accept_key(address, body.fingerprint))

    @app.route("/v1/pages", methods=["GET"])
    @described(Description(answers=OfferedPages))
    async def pages(self, request: Request) -> bytes:
        """List the pages that installed packages offer."""
        read_query(request)
        return write_json(request, OfferedPages(self._pages.names()))

    @app.route("/v1/pages/<name>/links", methods=["POST"])
    @described(Description(answers=PageLink, status=201))
    async def open_page(self, request: Request, name: str) -> bytes:
        """Make a link that opens pages once."""
        read_query(request)
        return write_json(request, PageLink(self._pages.link(name), LINK_LIFE_S), status=201)

    @app.route("/v1/openapi.json", methods=["GET"])
    @described(Description(answers=dict))
    async def openapi(self, request: Request) -> bytes:
        """Tell all of this to programs, as an OpenAPI document."""
        read_query(request)
        return write_json(request, local_api_document())

    @app.handle_errors(Exception)
    def _tell_error(self, request: Request, failure: Failure) -> bytes:
        if request.startedWriting:
            _log.failure("an event stream of the local API ended early", failure)
            return b""
        match failure.value:
            case LoopixmixError() as error:
                return write_problem(request, *problem_of(error))
            case UnsupportedTypeError():
                return write_problem(request, *UNSUPPORTED_TYPE)
            case MethodNotAllowed():
                return write_problem(request, *METHOD_NOT_ALLOWED)
            case HTTPException():
                return write_problem(request, *NOT_FOUND)
            case _:
                _log.failure("a request to the local API failed", failure)
                return write_problem(request, *INTERNAL)

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

    def _open_stream(self, request: Request) -> EventStream:
        stream = EventStream(request, clock=self._clock)
        self._streams.add(stream)
        stream.open()
        return stream

    def _close_stream(self, stream: EventStream) -> None:
        stream.close()
        self._streams.discard(stream)


def _letter(request: Request) -> Letter:
    if media_type(request) != OCTETS:
        return read_json(request, Letter)
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


def _nothing(request: Request) -> bytes:
    request.setResponseCode(204)
    return b""


def local_api_document() -> Mapping[str, object]:
    """Return the OpenAPI document of the local API."""
    return openapi_document(described_routes(LocalApi, LocalApi.app.url_map))

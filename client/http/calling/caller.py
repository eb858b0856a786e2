"""Calls of the local API by treq: a connection a call, errors back in the classes they had in the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from client.api import NotRunningError
from client.http.endpoint import Endpoint
from client.http.messages import JSON, OCTETS, decode_answer
from client.http.problems import Problem, error_of
from client.http.sse import SseBuffer, SseEvent
from loopixmix.errors import FormatError
from loopixmix.seams import Clock

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

ANSWER_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 10.0
MAX_WAITING_EVENTS = 64
"""A stream with so many events that nobody took yet is not read on."""

FindEndpoint: TypeAlias = Callable[[], Endpoint]
Query: TypeAlias = Mapping[str, str]

T = TypeVar("T")


def http_client(agent: IAgent) -> HTTPClient:
    """Return a treq client whose bodies need no reactor of their own."""
    return HTTPClient(agent, data_to_body_producer=lambda body: cast(IBodyProducer, _BytesProducer(body)))


def loopback_client(reactor: ReactorBase) -> HTTPClient:
    """Return a treq client for real connections, none of which is kept."""
    pool = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
    agent = Agent(reactor, connectTimeout=CONNECT_TIMEOUT_S, pool=pool)  # type: ignore[no-untyped-call]
    return http_client(cast(IAgent, agent))


class Caller:
    """Calls the daemon wherever it is at that moment."""

    def __init__(self, *, http: HTTPClient, find_endpoint: FindEndpoint, clock: Clock) -> None:
        self._http = http
        self._find_endpoint = find_endpoint
        self._clock = clock

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        json: msgspec.Struct | None = None,
        octets: bytes | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> bytes:
        """Return the body of the answer.

        Raises the daemon's error in its own class, `NotRunningError` where nobody answers.
        """
        body = octets if json is None else msgspec.json.encode(json)
        headers = Headers({} if body is None else {"Content-Type": [OCTETS if json is None else JSON]})
        answer = Deferred.fromCoroutine(self._answer(method, path, query or {}, headers, body))
        timeout = self._clock.callLater(timeout_s, answer.cancel)
        try:
            return await answer
        except CancelledError as error:
            if timeout.active():
                raise  # somebody else cancelled us
            raise NotRunningError(f"the client daemon did not answer within {timeout_s:g} s") from error
        finally:
            if timeout.active():
                timeout.cancel()

    async def stream(self, path: str, *, query: Query, last_event_id: str) -> EventReader:
        """Open an event stream; raises like `call`."""
        headers = Headers({"Accept": ["text/event-stream"]})
        if last_event_id:
            headers.setRawHeaders("Last-Event-ID", [last_event_id])
        response = await self._respond("GET", path, query, headers, None)
        reader = EventReader()
        response.deliverBody(reader)
        return reader

    async def _answer(self, method: str, path: str, query: Query, headers: Headers, body: bytes | None) -> bytes:
        collector = _Collector()
        response = await self._respond(method, path, query, headers, body)
        response.deliverBody(collector)
        return await collector.complete

    async def _respond(self, method: str, path: str, query: Query, headers: Headers, body: bytes | None) -> _Response:
        endpoint = self._find_endpoint()
        headers.setRawHeaders("Authorization", [f"Bearer {endpoint.token}"])
        try:
            response = await self._http.request(
                method,
                endpoint.url + path,
                params=dict(query),
                headers=headers,
                data=body,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._clock,  # type: ignore[arg-type]  # zope interfaces are unknown to mypy
            )
        except ConnectError as error:
            raise NotRunningError("the client daemon is not running") from error
        except (ResponseFailed, ConnectionClosed) as error:
            if isinstance(error, ResponseFailed) and any(reason.check(CancelledError) for reason in error.reasons):
                raise CancelledError from error
            raise NotRunningError("the client daemon went away before it answered") from error
        if not 200 <= response.code < 300:
            collector = _Collector()
            response.deliverBody(collector)
            raise error_of(_problem(await collector.complete))
        return cast(_Response, response)


class EventReader(TwistedProtocol):
    """The events of one open stream, one after the other; the connection is not read on while nobody takes them."""

    def __init__(self) -> None:
        self._buffer = SseBuffer()
        self._events: list[SseEvent] = []
        self._ended = False
        self._waiting: Deferred[None] | None = None
        self._held = False

    async def next(self) -> SseEvent | None:
        """Return the next event, or None once the stream has ended."""
        while not self._events and not self._ended:
            self._waiting = Deferred()
            await self._waiting
        event = self._events.pop(0) if self._events else None
        if self._held and len(self._events) < MAX_WAITING_EVENTS:
            self._held = False
            self._stream().resumeProducing()
        return event

    def close(self) -> None:
        """End the stream."""
        if not self._ended and self.transport is not None:
            self._stream().loseConnection()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take what arrived."""
        try:
            self._events += self._buffer.feed(data)
        except FormatError:
            self.close()
        if len(self._events) >= MAX_WAITING_EVENTS and not self._held:
            self._held = True
            self._stream().pauseProducing()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 (Twisted's signature)
        """Take note of the end."""
        self._ended = True
        self._held = False
        self._wake()

    def _stream(self) -> _Stream:
        return cast(_Stream, self.transport)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)


class _Response(Protocol):
    @property
    def code(self) -> int: ...
    def deliverBody(self, protocol: TwistedProtocol, /) -> None: ...  # noqa: N802


class _Consumer(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Stream(Protocol):
    def pauseProducing(self) -> None: ...  # noqa: N802
    def resumeProducing(self) -> None: ...  # noqa: N802
    def loseConnection(self) -> None: ...  # noqa: N802


class _Collector(TwistedProtocol):
    """Collects the body of an answer; cancelling `complete` closes the connection."""

    def __init__(self) -> None:
        self.complete: Deferred[bytes] = Deferred(lambda _: self._close())
        self._body = bytearray()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        self._body += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self.complete.called:
            return
        if isinstance(reason.value, ResponseDone):
            self.complete.callback(bytes(self._body))
        else:
            self.complete.errback(NotRunningError("the client daemon went away before it answered"))

    def _close(self) -> None:
        if self.transport is not None:
            cast(_Stream, self.transport).loseConnection()


@implementer(IBodyProducer)
class _BytesProducer:
    """A request body that is there already."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: _Consumer) -> Deferred[None]:  # noqa: N802
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """All of it was written already."""

    def resumeProducing(self) -> None:  # noqa: N802
        """All of it was written already."""

    def stopProducing(self) -> None:  # noqa: N802
        """All of it was written already."""


def _problem(body: bytes) -> Problem:
    try:
        return decode_answer(body, Problem)
    except FormatError:
        return Problem("client", "the client daemon refused the call without a reason")

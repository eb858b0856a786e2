"""Calls of the local API by treq: over kept connections, errors back in the classes they had in the daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar, cast

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from client.api import NotRunningError
from client.http.calling.attempts import BrokenConnectionError, answered
from client.http.calling.call import Call, Query
from client.http.endpoint import Endpoint
from client.http.problems import error_told_by
from client.http.sse import SseBuffer, SseEvent
from loopixmix.errors import FormatError
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock
from loopixmix.web.calls import BodyCollector, BrokenAnswerError

MOST_CALLS = 64
"""A program has at most so many calls under way; further ones wait. The daemon has 128 places for all programs."""
MAX_WAITING_EVENTS = 64
"""A stream is not read on while so many of its events wait to be taken."""

FindEndpoint: TypeAlias = Callable[[], Endpoint]

T = TypeVar("T")


class Caller:
    """Calls the daemon wherever it is at that moment."""

    def __init__(self, *, http: HTTPClient, find_endpoint: FindEndpoint, clock: Clock) -> None:
        """Call by `http` the daemon that `find_endpoint` finds at each call; `clock` ends calls in time."""
        self._http = http
        self._find_endpoint = find_endpoint
        self._clock = clock
        self._slots: DeferredSemaphore = DeferredSemaphore(MOST_CALLS)

    async def ask(self, call: Call[T]) -> T:
        """Make a call and return its answer.

        Raises the daemon's error in its own class, `NotRunningError` if there is no answer, `NoClientError` if there is
        no client to ask, `BusyError` if the daemon goes on to be busy.
        """
        answer = Deferred.fromCoroutine(self._answer(call))
        try:
            return call.decode(await answer.addTimeout(call.timeout_s, cast(IReactorTime, self._clock)))
        except TimeoutError as error:
            raise NotRunningError(f"the client daemon did not answer within {call.timeout_s:g} s") from error
        except BrokenConnectionError as error:
            raise NotRunningError("the client daemon went away before it answered") from error

    async def stream(self, path: str, *, query: Query, last_event_id: str) -> EventReader:
        """Open an event stream; raises like `ask`."""
        headers = Headers({"Accept": ["text/event-stream"]})
        if last_event_id:
            headers.setRawHeaders("Last-Event-ID", [last_event_id])
        try:
            response = await self._respond("GET", path, query, headers, None)
        except BrokenConnectionError as error:
            raise NotRunningError("the client daemon went away before it answered") from error
        reader = EventReader()
        response.deliverBody(reader)
        return reader

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await Pause(self._clock).wait(seconds)

    async def _answer(self, call: Call[T]) -> bytes:
        await self._slots.acquire()
        try:
            return await answered(lambda: self._attempt(call), repeatable=call.repeatable, pause=self.pause)
        finally:
            self._slots.release()

    async def _attempt(self, call: Call[T]) -> bytes:
        headers = Headers({} if call.body is None else {"Content-Type": [call.content_type]})
        return await _body_of(await self._respond(call.method, call.path, call.query, headers, call.body))

    async def _respond(self, method: str, path: str, query: Query, headers: Headers, body: bytes | None) -> _Response:
        # Each time anew: a daemon that was started again has another port, and may have another token.
        endpoint = self._find_endpoint()
        headers.setRawHeaders("Authorization", [f"Bearer {endpoint.token}"])
        try:
            response = await self._http.request(
                method,
                endpoint.url + path,
                params=dict(query),
                headers=headers,
                data=body,
                # A redirect would carry the token to wherever it points; the daemon never answers with one.
                allow_redirects=False,
                unbuffered=True,
                reactor=self._clock,  # type: ignore[arg-type]  # zope interfaces are unknown to mypy
            )
        except ConnectError as error:
            raise NotRunningError("the client daemon is not running") from error
        except (ResponseFailed, ConnectionClosed) as error:
            if isinstance(error, ResponseFailed) and any(reason.check(CancelledError) for reason in error.reasons):
                raise CancelledError from error
            raise BrokenConnectionError from error
        if not 200 <= response.code < 300:
            raise error_told_by(await _body_of(cast(_Response, response)))
        return cast(_Response, response)


class EventReader(TwistedProtocol):
    """The events of one open stream, one after the other; the connection is not read on while they are not taken."""

    def __init__(self) -> None:
        """Begin before the first byte."""
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

    async def close(self) -> None:
        """End the stream."""
        self._cut()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take what arrived."""
        try:
            # What is fed may end in the middle of an event: the buffer keeps that end.
            self._events += self._buffer.feed(data)
        except FormatError:
            self._cut()
        if len(self._events) >= MAX_WAITING_EVENTS and not self._held:
            self._held = True
            self._stream().pauseProducing()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 (Twisted's signature)
        """Take note of the end."""
        self._ended = True
        self._held = False
        self._wake()

    def _cut(self) -> None:
        if not self._ended and self.transport is not None:
            self._stream().loseConnection()

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


class _Stream(Protocol):
    def pauseProducing(self) -> None: ...  # noqa: N802
    def resumeProducing(self) -> None: ...  # noqa: N802
    def loseConnection(self) -> None: ...  # noqa: N802


async def _body_of(response: _Response) -> bytes:
    collector = BodyCollector()
    response.deliverBody(collector)
    try:
        return await collector.complete
    except BrokenAnswerError as error:
        raise BrokenConnectionError from error

"""One HTTP connection within bounds: what its peer does wrong is told in the words of the site, and then it ends.

Twisted answers such mistakes itself, without a body, or cuts the connection; and it reads a body to its end before
anybody can refuse it.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from loopixmix.seams import DelayedCall

HEAD_TIMEOUT_S = 10.0
"""A new connection has so long for the headers of its first request, and every later request from its first byte on.

It is not begun anew with what comes: a byte now and then would keep a connection for ever.
"""
BODY_TIMEOUT_S = 10.0
"""A body has so long from the end of the headers on, and more if it is long."""
BODY_BYTES_PER_S = 16 * 1024
"""By so much more: the slowest line that a long body may come over."""
LINGER_S = 10.0
"""How long what a refused peer still sends is read past, so that it comes to read why."""
DISCARD_BYTES = 1024 * 1024
"""So much of it, unless whoever refuses says otherwise."""
RETRY_AFTER_S = 1


class Fault(enum.Enum):
    """Why a connection ends with an answer that no route gave."""

    MALFORMED = enum.auto()
    LATE = enum.auto()
    TARGET_TOO_LONG = enum.auto()
    HEADERS_TOO_LONG = enum.auto()
    BUSY = enum.auto()
    STOPPING = enum.auto()


@dataclass(frozen=True)
class LastAnswer:
    """The answer with which a connection ends."""

    status: int
    body: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)


Words: TypeAlias = Callable[[Fault], LastAnswer]
"""How a site tells of a fault."""

_PLAIN: Mapping[Fault, tuple[int, str]] = {
    Fault.MALFORMED: (400, "This is no HTTP/1.1 request."),
    Fault.LATE: (408, "The request did not come in time."),
    Fault.TARGET_TOO_LONG: (414, "The address is too long."),
    Fault.HEADERS_TOO_LONG: (431, "The headers are too long."),
    Fault.BUSY: (503, "There are too many connections; try again in a moment."),
    Fault.STOPPING: (503, "The server is stopping."),
}


def plain_words(fault: Fault) -> LastAnswer:
    """Tell of a fault in one line of plain text."""
    status, line = _PLAIN[fault]
    headers = {b"Content-Type": b"text/plain; charset=utf-8", b"Cache-Control": b"no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers[b"Retry-After"] = b"%d" % RETRY_AFTER_S
    return LastAnswer(status, line.encode() + b"\n", headers)


class ConnectionPlaces(Protocol):
    """Who may keep a connection."""

    def prove(self, channel: BoundedChannel) -> bool:
        """Give a place to a connection whose peer has proven who it is; false if none is free."""

    def rest(self, channel: BoundedChannel) -> None:
        """Take note that a connection is idle from now on."""

    def end(self, channel: BoundedChannel) -> None:
        """Take note that a connection has had its last answer."""


class BoundedChannel(HTTPChannel):
    """A connection of a `loopixmix.web.sites.QuietSite`."""

    words: Words = staticmethod(plain_words)
    places: ConnectionPlaces | None = None
    turned_away = False
    """Whether it is one too many, whose request is answered with that."""
    is_new: bool
    """Whether no request of it was answered yet."""

    def __init__(self) -> None:
        """Begin before the connection is there."""
        super().__init__()
        self.is_ending = False
        self.is_new = True
        self._deadline: DelayedCall | None = None
        self._discarded_bytes = 0
        self._discard_bytes = DISCARD_BYTES

    @property
    def is_idle(self) -> bool:
        """Tell whether no request is under way."""
        return not self.requests and not self.is_ending

    @property
    def may_go(self) -> bool:
        """Tell whether the peer is the one who is waited for: no request of it is whole and not answered yet."""
        return not self._handlingRequest and not self.is_ending

    def end_with(self, answer: LastAnswer, *, discard_bytes: int = DISCARD_BYTES) -> None:
        """Give an answer now, whatever is under way, and end; only the first one counts.

        Calls that are under way are cancelled. What still comes is read past, up to `discard_bytes` and for a while: a
        connection that is closed at once would take the answer from a peer that is still writing (RFC 9112, 9.6).
        """
        if self.is_ending:
            return
        self.is_ending = True
        if self.places is not None:
            self.places.end(self)
        self._clear_deadline()
        self._discard_bytes = discard_bytes
        has_begun = any(request.startedWriting for request in self.requests)
        is_whole, is_head = self._handlingRequest, self._is_head()
        self._forget_requests()
        if has_begun:
            self._transport.abortConnection()
            return
        headers = Headers({name: [value] for name, value in answer.headers.items()})
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(answer.body)])
        headers.setRawHeaders(b"Connection", [b"close"])
        reason = HTTPStatus(answer.status).phrase.encode("ascii")
        self.writeHeaders(b"HTTP/1.1", b"%d" % answer.status, reason, headers)
        if not is_head:
            self.write(answer.body)
        if is_whole:
            self.loseConnection()
        else:
            self._linger()

    def stop(self) -> None:
        """End because the server stops: a call under way is told so."""
        if self.requests:
            self.end_with(self.words(Fault.STOPPING))
        elif not self.is_ending:
            self.loseConnection()

    def cut(self) -> None:
        """End at once."""
        self._transport.abortConnection()

    # What Twisted calls.

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """Wait for the first request, but not for long."""
        super().connectionMade()
        self._allow(HEAD_TIMEOUT_S)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # noqa: N802 (Twisted's name)
        """Leave no delayed call behind."""
        self._clear_deadline()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take what comes, or read past it."""
        if not self.is_ending:
            super().dataReceived(data)
            self._await_rest_of_headers()
            return
        self._discarded_bytes += len(data)
        if self._discarded_bytes > self._discard_bytes:
            self.cut()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take a line of the headers."""
        if self.is_ending:
            return
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.end_with(self.words(Fault.HEADERS_TOO_LONG))
            return
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002, N802 (Twisted's signature)
        """Tell that a line is too long: of the headers, or the one with the address."""
        self.end_with(self.words(Fault.HEADERS_TOO_LONG if self.requests else Fault.TARGET_TOO_LONG))

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802 (Twisted's name)
        """Take one header."""
        if not self.is_ending and self._receivedHeaderCount >= self.maxHeaders:
            self.end_with(self.words(Fault.HEADERS_TOO_LONG))
        try:
            return not self.is_ending and bool(super().headerReceived(line))
        except ValueError:
            # Of a length with thousands of digits, Python makes no number.
            self.end_with(self.words(Fault.MALFORMED))
            return False

    def allHeadersReceived(self) -> None:  # noqa: N802 (Twisted's name)
        """Go on with a request, unless there are too many."""
        self._clear_deadline()
        if self.turned_away:
            self.end_with(self.words(Fault.BUSY))
        elif not self._is_readable():
            self.end_with(self.words(Fault.MALFORMED))
        if not self.is_ending:
            super().allHeadersReceived()
        if not self.is_ending and self.length != 0:
            self._allow(BODY_TIMEOUT_S + self._longest_body() / BODY_BYTES_PER_S)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take a piece of a body."""
        if not self.is_ending:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:  # noqa: N802 (Twisted's name)
        """Answer a request that is whole."""
        self._clear_deadline()
        if not self.is_ending:
            super().allContentReceived()

    def requestDone(self, request: object) -> None:  # noqa: N802 (Twisted's name)
        """Wait for the next request."""
        if not self.persistent:
            # Or Twisted would wait for ever until the peer has read this last answer.
            self.setTimeout(self._savedTimeOut)
        self.is_new = False
        super().requestDone(request)
        # Of the next one some may be here already.
        self._await_rest_of_headers()
        if self.places is not None and self.is_idle:
            self.places.rest(self)

    def timeoutConnection(self) -> None:  # noqa: N802 (Twisted's name)
        """End a connection on which nothing came for long."""
        if self.is_ending or not (self.persistent or self.requests):
            self.cut()
        elif self.requests:
            self.end_with(self.words(Fault.LATE))
        else:
            super().timeoutConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 (Twisted's name)
        self.end_with(self.words(Fault.MALFORMED))

    @property
    def _transport(self) -> _Cuttable:
        return cast(_Cuttable, self.transport)

    def _give_up(self) -> None:
        self._deadline = None
        if self.requests or self._buffer:
            self.end_with(self.words(Fault.LATE))
        else:
            self.loseConnection()

    def _allow(self, time_s: float) -> None:
        self._clear_deadline()
        self._deadline = cast("DelayedCall", self.callLater(time_s, self._give_up))

    def _await_rest_of_headers(self) -> None:
        if self._deadline is None and self.may_go and (self.requests or self._buffer):
            self._allow(HEAD_TIMEOUT_S)

    def _is_readable(self) -> bool:
        """Tell whether path and headers are UTF-8, and the host ASCII: over others routes fail, as over a defect."""
        try:
            path = cast(bytes, self._path)
            unquote_to_bytes(path.partition(b"?")[0]).decode("utf-8")
            for name, values in self.requests[-1].requestHeaders.getAllRawHeaders():
                for value in values:
                    value.decode("ascii" if name == b"Host" else "utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def _longest_body(self) -> int:
        if self.length is not None:
            return self.length
        # In chunks, the end is not known before it comes.
        return int(getattr(self.requests[-1], "limit_bytes", 0))

    def _clear_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()

    def _is_head(self) -> bool:
        # The method is known here from the first line on, and to a request only once its body is there.
        return getattr(self, "_command", None) == b"HEAD" or any(request.method == b"HEAD" for request in self.requests)

    def _forget_requests(self) -> None:
        requests, self.requests = self.requests, []
        for request in requests:
            request.connectionLost(Failure(ConnectionDone()))

    def _linger(self) -> None:
        self.clearLineBuffer()
        self.setRawMode()
        self._transport.unregisterProducer()
        self._transport.resumeProducing()
        self.setTimeout(LINGER_S)
        if not self.isSecure():
            # Over TLS there is no closing of one direction: the peer sees the end by the length of the answer.
            self._transport.loseWriteConnection()


class _Cuttable(Protocol):
    def abortConnection(self) -> None: ...  # noqa: N802
    def loseWriteConnection(self) -> None: ...  # noqa: N802
    def unregisterProducer(self) -> None: ...  # noqa: N802
    def resumeProducing(self) -> None: ...  # noqa: N802

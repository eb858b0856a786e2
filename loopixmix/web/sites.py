"""Serving HTTP within bounds: no access log, bodies in memory and not too long, not too many connections."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory, IReactorTime
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from zope.interface import implementer

from loopixmix.net.limits import address_group
from loopixmix.seams import Clock

IDLE_TIMEOUT_S = 60.0

Answer: TypeAlias = Callable[[Request], bytes]
"""Writes status and headers of an answer to a request, and returns its body."""
MakeRequest: TypeAlias = Callable[[HTTPChannel, bool], Request]


class BoundedRequest(Request):
    """A request whose body stays in memory and within a limit.

    Twisted's own would put long bodies into temporary files, where they outlive the process.
    """

    def __init__(
        self, channel: HTTPChannel, queued: bool, *, limit_bytes: int, discard_bytes: int, too_long: Answer
    ) -> None:
        """`channel`, `queued`: from Twisted. `limit_bytes`: the longest body. `too_long`: answers a longer one.

        A body that is refused is still read past, up to `discard_bytes`, so that its sender comes to read why; then the
        connection is cut.
        """
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._limit_bytes = limit_bytes
        self._discard_bytes = discard_bytes
        self._too_long = too_long
        self._refusal: Answer | None = None
        self._body = io.BytesIO()
        self._taken_bytes = 0

    def refuse(self, answer: Answer) -> None:
        """Give this answer instead of asking the routes; the first refusal counts."""
        if self._refusal is None:
            self._refusal = answer
            self._body.truncate(0)

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's name)
        """Begin with the body: the headers are there."""
        self.content = self._body
        if length is not None and length > self._limit_bytes:
            self.refuse(self._too_long)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Keep a piece of the body, or read past it."""
        self._taken_bytes += len(data)
        if self._taken_bytes > self._limit_bytes:
            self.refuse(self._too_long)
        if self._refusal is None:
            self._body.write(data)
        elif self._taken_bytes > self._discard_bytes:
            self.channel.loseConnection()

    def process(self) -> None:
        """Answer a refused request here, any other one by the routes."""
        if self._refusal is None:
            super().process()
            return
        self.write(self._refusal(self))
        self.finish()


class QuietSite(Site):
    """Serves a resource and keeps no access log: its lines would tell the users of the network, and their times."""

    noisy = False

    def __init__(
        self,
        resource: IResource,
        *,
        clock: Clock,
        make_request: MakeRequest = Request,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        """`resource`: served at the root. `clock`: times idle connections. `make_request`: makes the request of one."""
        super().__init__(
            resource, requestFactory=make_request, timeout=idle_timeout_s, reactor=cast(IReactorTime, clock)
        )

    def log(self, request: HTTPRequest) -> None:
        """Write nothing."""


class _Abortable(Protocol):
    def abortConnection(self) -> None: ...  # noqa: N802


@implementer(IProtocolNegotiationFactory)
class BoundedFactory(WrappingFactory[ProtocolWrapper]):
    """Limits the connections that are open at one time, in all and from one address, and ends them together."""

    noisy = False

    def __init__(self, site: Site, *, most: int, most_per_address: int | None = None) -> None:
        """Serve `site` to `most` connections; an IPv6 network counts as one address."""
        super().__init__(site)
        self._most = most
        self._most_per_address = most if most_per_address is None else most_per_address
        self._closed: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> ProtocolWrapper | None:  # type: ignore[override]  # noqa: N802
        """Take the connection, or none if there are too many: Twisted closes it then."""
        group = address_group(str(getattr(addr, "host", "")))
        same = sum(address_group(wrapper.getPeer().host) == group for wrapper in self.protocols)
        if len(self.protocols) >= self._most or same >= self._most_per_address:
            return None
        return super().buildProtocol(addr)

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802 (Twisted's name)
        """Tell what is spoken over TLS.

        Twisted asks the outermost factory only, and without an answer breaks off with every browser, because those name
        the protocols that they speak (RFC 7301). HTTP/2 is left out: it knows other limits than ours.
        """
        return [b"http/1.1"]

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:  # noqa: N802 (Twisted's name)
        """Note that a connection is gone."""
        super().unregisterProtocol(p)
        if self._closed is not None and not self.protocols:
            closed, self._closed = self._closed, None
            closed.callback(None)

    def close(self) -> Deferred[None]:
        """Cut every open connection; fires when all are gone."""
        if not self.protocols:
            return succeed(None)
        closed = self._closed = Deferred()
        for wrapper in tuple(self.protocols):
            # Not `loseConnection`: that waits until the peer has read all, which one that stalls never does.
            cast(_Abortable, wrapper).abortConnection()
        return closed

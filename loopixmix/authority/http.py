"""The authority's side of HTTP: descriptors in, documents out. Specification: docs/protocol/document.md."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, cast

from klein import Klein
from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from werkzeug.exceptions import HTTPException

from loopixmix.directory import (
    MAX_DESCRIPTOR_BYTES,
    DescriptorNameTaken,
    DescriptorNotAllowed,
    DescriptorReplayed,
    DescriptorTooLarge,
)
from loopixmix.errors import PeerError, StoreError
from loopixmix.net.limits import address_group

_log = Logger()

IDLE_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_ADDRESS = 64
MAX_ADDRESSES = 4096
MAX_DISCARDED_BYTES = 1024 * 1024
"""A body that is too long is read past so far, so that its sender comes to read the answer; then the line is cut."""


class DocumentSource(Protocol):
    """What the routes need of an authority; the clock is behind it."""

    def accept(self, signed: bytes) -> None:
        """Take a descriptor or raise `PeerError`, or `StoreError` where it cannot be kept."""

    def document(self, epoch: int) -> bytes | None:
        """Return the signed document of an epoch."""

    def current(self) -> bytes | None:
        """Return the newest signed document that is valid."""


class RateLimit:
    """A token bucket for each address; an IPv6 network counts as one address."""

    def __init__(self, per_minute: int, *, now_s: Callable[[], float]) -> None:
        """Allow `per_minute` calls a minute for each address, all of them at once if need be."""
        self._capacity = float(per_minute)
        self._now_s = now_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, host: str) -> bool:
        """Count one call of `host`, unless it had too many."""
        group, now_s = address_group(host), self._now_s()
        tokens, since_s = self._buckets.pop(group, (self._capacity, now_s))
        tokens = min(self._capacity, tokens + max(0.0, now_s - since_s) * self._capacity / 60)
        allowed = tokens >= 1
        self._buckets[group] = (tokens - 1 if allowed else tokens), now_s
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return allowed


class DirectoryApi:
    """The routes; `app.resource()` is the root of the site."""

    app = Klein()

    def __init__(self, source: DocumentSource, *, uploads: RateLimit) -> None:
        """Take the authority behind the routes and the limit on uploads."""
        self._source = source
        self._uploads = uploads

    @app.route("/v1/descriptors", methods=["PUT"])
    def put_descriptor(self, request: Request) -> bytes:
        """Take a signed descriptor: 204, or a refusal with its reason in one line."""
        if not self._uploads.allows(str(getattr(request.getClientAddress(), "host", ""))):
            request.setHeader("Retry-After", "10")
            return _answer(request, 429, "too many uploads from this address")
        try:
            self._source.accept(_body(request))
        except StoreError as error:
            _log.error("a descriptor cannot be kept: {error}", error=str(error))
            return _answer(request, 503, "the authority cannot keep descriptors just now")
        except PeerError as error:
            return _answer(request, _status_of(error), str(error))
        request.setResponseCode(204)
        return b""

    @app.route("/v1/documents/current", methods=["GET"])
    def get_current(self, request: Request) -> bytes:
        """Give the newest document that is valid."""
        return _give(request, self._source.current())

    @app.route("/v1/documents/<int:epoch>", methods=["GET"])
    def get_document(self, request: Request, epoch: int) -> bytes:
        """Give the document of one epoch."""
        return _give(request, self._source.document(epoch))

    @app.handle_errors(HTTPException)
    def refuse(self, request: Request, failure: object) -> bytes:
        """Answer what no route takes."""
        error = getattr(failure, "value", None)
        status = error.code if isinstance(error, HTTPException) and error.code else 500
        return _answer(request, status, "no such page" if status == 404 else "not allowed here")


class BoundedRequest(Request):
    """A request whose body stays in memory and within the size of a descriptor; Twisted's own would go to the disk."""

    def __init__(self, channel: HTTPChannel, queued: bool) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._body = io.BytesIO()
        self._taken_bytes = 0

    def gotLength(self, length: int | None) -> None:  # noqa: ARG002, N802 (Twisted's name)
        """Begin with the body."""
        self.content = self._body

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Keep a piece of the body, or read past it."""
        self._taken_bytes += len(data)
        if self._taken_bytes <= MAX_DESCRIPTOR_BYTES:
            self._body.write(data)
        elif self._taken_bytes > MAX_DISCARDED_BYTES:
            self.channel.loseConnection()

    def process(self) -> None:
        """Answer by the routes what was taken whole."""
        if self._taken_bytes <= MAX_DESCRIPTOR_BYTES:
            super().process()
            return
        self.write(_answer(self, 413, f"a descriptor has at most {MAX_DESCRIPTOR_BYTES} bytes"))
        self.finish()


class DirectorySite(Site):
    """Serves the routes to anybody; keeps no log of who asks."""

    noisy = False

    def __init__(self, resource: IResource, *, reactor: ReactorBase) -> None:
        """Take the routes and the reactor that times idle connections."""
        super().__init__(resource, requestFactory=BoundedRequest, timeout=IDLE_TIMEOUT_S, reactor=reactor)

    def log(self, request: HTTPRequest) -> None:
        """Keep no access log: it would tell who uses the network."""


class _Abortable(Protocol):
    def abortConnection(self) -> None: ...  # noqa: N802


class BoundedFactory(WrappingFactory[ProtocolWrapper]):
    """Limits the connections that are open at one time, in all and from one address."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> ProtocolWrapper | None:  # type: ignore[override]  # noqa: N802
        """Take the connection, or none where there are too many: Twisted closes it then."""
        group = address_group(str(getattr(addr, "host", "")))
        same = sum(address_group(wrapper.getPeer().host) == group for wrapper in self.protocols)
        if len(self.protocols) >= MAX_CONNECTIONS or same >= MAX_CONNECTIONS_PER_ADDRESS:
            return None
        return super().buildProtocol(addr)

    def close_all(self) -> None:
        """Cut every open connection."""
        for wrapper in list(self.protocols):
            cast(_Abortable, wrapper.transport).abortConnection()


def directory_factory(api: DirectoryApi, *, reactor: ReactorBase) -> BoundedFactory:
    """Return the factory to listen with."""
    return BoundedFactory(DirectorySite(cast(IResource, api.app.resource()), reactor=reactor))


def _status_of(error: PeerError) -> int:
    match error:
        case DescriptorNotAllowed():
            return 403
        case DescriptorReplayed() | DescriptorNameTaken():
            return 409
        case DescriptorTooLarge():
            return 413
        case _:
            return 400


def _give(request: Request, signed: bytes | None) -> bytes:
    if signed is None:
        return _answer(request, 404, "there is no such document")
    request.setHeader("Content-Type", "application/vnd.loopixmix.document")
    return signed


def _answer(request: Request, status: int, text: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return text.encode("utf-8") + b"\n"


def _body(request: Request) -> bytes:
    return request.content.read() if request.content is not None else b""

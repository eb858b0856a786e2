"""The authority's side of HTTP: descriptors in, documents out. Specification: docs/protocol/document.md."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol, cast

from klein import Klein
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from loopixmix.bounds import BoundedMap, BucketsByKey
from loopixmix.directory import (
    MAX_DESCRIPTOR_BYTES,
    DescriptorNameTaken,
    DescriptorNotAllowed,
    DescriptorReplayed,
    DescriptorTooLarge,
)
from loopixmix.errors import PeerError, StoreError
from loopixmix.net.limits import address_group
from loopixmix.net.places import BoundedPlaces, KeptPlaces
from loopixmix.seams import Clock
from loopixmix.web.channels import BoundedChannel
from loopixmix.web.sites import BoundedFactory, BoundedRequest, QuietSite

_log = Logger()

IDLE_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_ADDRESS = 64
MAX_ADDRESSES = 4096
MAX_ENROLLED_CONNECTIONS = 256
MAX_ENROLLED_CONNECTIONS_PER_ADDRESS = 16
"""The places of enrolled nodes, besides those of everybody."""
MAX_DISCARDED_BYTES = 1024 * 1024
"""A body that is too long is read past so far."""


class DocumentSource(Protocol):
    """The part of an authority that the routes need; it has a clock of its own."""

    def accept(self, signed: bytes) -> None:
        """Take a descriptor or raise `PeerError`, or `StoreError` if it cannot be kept."""

    def document(self, epoch: int) -> bytes | None:
        """Return the signed document of an epoch."""

    def current(self) -> bytes | None:
        """Return the newest signed document that is valid."""


class RateLimit:
    """A token bucket for each address; an IPv6 network counts as one address."""

    def __init__(self, per_minute: int, *, now_s: Callable[[], float]) -> None:
        """Allow `per_minute` calls a minute for each address, all of them at once if need be."""
        self._buckets: BucketsByKey[str] = BucketsByKey(per_minute / 60, per_minute, capacity=MAX_ADDRESSES)
        self._now_s = now_s

    def allows(self, host: str) -> bool:
        """Count one call of `host`, unless it had too many."""
        return self._buckets.take(address_group(host), self._now_s())


class EnrolledAddresses:
    """The addresses of the network's nodes, whose connections have places of their own.

    An address is that of a node if a descriptor came from it that was accepted, or if the network document has it.
    Names are not looked up: their nodes are known once they have uploaded.
    """

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        """`hosts`: those of the newest document, which are known without an upload."""
        self._addresses: BoundedMap[str, None] = BoundedMap(MAX_ADDRESSES)
        for host in hosts:
            self.note(host)

    def note(self, host: str) -> None:
        """Take note that a node is at this address."""
        group = address_group(host)
        self._addresses[group] = None
        self._addresses.move_to_end(group)

    def has(self, host: str) -> bool:
        """Tell whether a node is at this address."""
        return address_group(host) in self._addresses


class DirectoryApi:
    """The routes; `app.resource()` is the root of the site."""

    app = Klein()

    def __init__(
        self, source: DocumentSource, *, uploads: RateLimit, enrolled: EnrolledAddresses | None = None
    ) -> None:
        """`source`: the authority behind the routes. `uploads`: the limit on uploads.

        `enrolled`: hears of the addresses of nodes.
        """
        self._source = source
        self._uploads = uploads
        self.enrolled = enrolled or EnrolledAddresses()
        self._is_keeping = True

    @app.route("/v1/descriptors", methods=["PUT"])
    def put_descriptor(self, request: Request) -> bytes:
        """Take a signed descriptor: 204, or a refusal with its reason in one line."""
        host = str(getattr(request.getClientAddress(), "host", ""))
        if not self._uploads.allows(host):
            request.setHeader("Retry-After", "10")
            return _answer(request, 429, "too many uploads from this address")
        try:
            self._source.accept(_body(request))
        except StoreError as error:
            # The reason names files and the disk, which is nothing for a node to know. It is logged once: every node
            # tries again and again, and a line for each attempt would fill the disk further.
            if self._is_keeping:
                _log.error("descriptors cannot be kept: {error}", error=str(error))
            self._is_keeping = False
            return _answer(request, 503, "the authority cannot keep descriptors just now")
        except PeerError as error:
            return _answer(request, _status_of(error), str(error))
        if not self._is_keeping:
            _log.info("descriptors are kept again")
        self._is_keeping = True
        self.enrolled.note(host)
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


def directory_factory(api: DirectoryApi, *, clock: Clock) -> BoundedFactory:
    """Return the factory to listen with: it serves the routes to anybody, within bounds."""
    make_request = partial(
        BoundedRequest, limit_bytes=MAX_DESCRIPTOR_BYTES, discard_bytes=MAX_DISCARDED_BYTES, too_long=_too_long
    )
    site = QuietSite(
        cast(IResource, api.app.resource()), clock=clock, make_request=make_request, idle_timeout_s=IDLE_TIMEOUT_S
    )
    kept: BoundedPlaces[BoundedChannel] = BoundedPlaces(MAX_ENROLLED_CONNECTIONS, MAX_ENROLLED_CONNECTIONS_PER_ADDRESS)
    return BoundedFactory(
        site,
        most=MAX_CONNECTIONS,
        most_per_address=MAX_CONNECTIONS_PER_ADDRESS,
        kept=KeptPlaces(kept, api.enrolled.has),
    )


def _too_long(request: Request) -> bytes:
    return _answer(request, 413, f"a descriptor has at most {MAX_DESCRIPTOR_BYTES} bytes")


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

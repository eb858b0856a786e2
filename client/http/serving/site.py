"""The HTTP server below the routes: refuses before it reads."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

import msgspec
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request

from client.http.messages import JSON, MAX_REQUEST_BYTES
from client.http.problems import (
    BUSY,
    ENCODED,
    HEADERS_TOO_LONG,
    LATE,
    MALFORMED,
    STOPPING,
    TARGET_TOO_LONG,
    Problem,
)
from client.http.serving.calls import write_problem
from client.http.serving.guard import Guard, Refusal
from loopixmix.seams import Clock
from loopixmix.web.channels import RETRY_AFTER_S, BoundedChannel, Fault, LastAnswer
from loopixmix.web.sites import BoundedFactory, BoundedRequest, QuietSite

MAX_DISCARDED_BYTES = 1024 * 1024 * 1024
"""A refused body is read past so far, so that a program that reads the answer only after it has sent all gets it."""
MAX_CONNECTIONS = 128
"""So many connections of programs that have shown the token are open at one time."""
MAX_UNPROVEN = 256
"""So many connections may be open on which the token was not shown yet.

More than there are places, so that programs that all begin at one moment do not push out each other's connections
before their first request was read.
"""

_FAULTS: Mapping[Fault, Refusal] = {
    Fault.MALFORMED: MALFORMED,
    Fault.LATE: LATE,
    Fault.TARGET_TOO_LONG: TARGET_TOO_LONG,
    Fault.HEADERS_TOO_LONG: HEADERS_TOO_LONG,
    Fault.BUSY: BUSY,
    Fault.STOPPING: STOPPING,
}


class GuardedRequest(BoundedRequest):
    """A request that is judged when its headers are there."""

    def __init__(self, channel: HTTPChannel, queued: bool, *, guard: Guard) -> None:
        """Judge by `guard` a request that Twisted makes of `channel`; `queued` is passed on to Twisted."""
        super().__init__(
            channel, queued, limit_bytes=MAX_REQUEST_BYTES, discard_bytes=MAX_DISCARDED_BYTES, too_long=_too_long
        )
        self._guard = guard

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's name)
        """Judge the request; from here on its body arrives."""
        refusal = self._guard.refusal(self.requestHeaders) or self._place_refusal() or self._form_refusal()
        if refusal is not None:
            self.refuse(lambda request: write_problem(request, *refusal))
        super().gotLength(length)

    def process(self) -> None:
        """Answer by the routes."""
        if self.path == b"*" and self.method != b"OPTIONS":
            # Twisted would answer without a body.
            self.path = b"/*"
        super().process()

    def _place_refusal(self) -> Refusal | None:
        channel = cast(BoundedChannel, self.channel)
        return None if channel.places is None or channel.places.prove(channel) else BUSY

    def _form_refusal(self) -> Refusal | None:
        # Without this the compressed bytes would be taken for the message.
        encodings = self.requestHeaders.getRawHeaders(b"Content-Encoding", [])
        return ENCODED if any(encoding.strip().lower() != b"identity" for encoding in encodings) else None


def guarded_factory(resource: IResource, *, guard: Guard, clock: Clock) -> BoundedFactory:
    """Return what serves `resource` to the requests that `guard` lets in."""
    site = QuietSite(resource, clock=clock, make_request=partial(GuardedRequest, guard=guard), words=problem_words)
    return BoundedFactory(site, most=MAX_CONNECTIONS, most_unproven=MAX_UNPROVEN)


def problem_words(fault: Fault) -> LastAnswer:
    """Tell of a fault of a connection as the local API tells of all errors."""
    status, problem = _FAULTS[fault]
    headers = {b"Content-Type": JSON.encode("ascii"), b"Cache-Control": b"no-store"}
    if status == 503:
        headers[b"Retry-After"] = b"%d" % RETRY_AFTER_S
    return LastAnswer(status, msgspec.json.encode(problem), headers)


def _too_long(request: Request) -> bytes:
    return write_problem(request, 413, Problem("too_long", f"a request has at most {MAX_REQUEST_BYTES} bytes"))

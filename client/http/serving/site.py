"""The HTTP server below the routes: refuses before it reads."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from functools import partial

from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request

from client.http.messages import MAX_REQUEST_BYTES
from client.http.problems import Problem
from client.http.serving.calls import write_problem
from client.http.serving.guard import Guard
from loopixmix.seams import Clock
from loopixmix.web.sites import BoundedRequest, QuietSite

MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""A refused body is read past so far."""


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
        refusal = self._guard.refusal(self.requestHeaders)
        if refusal is not None:
            self.refuse(lambda request: write_problem(request, *refusal))
        super().gotLength(length)


def guarded_site(resource: IResource, *, guard: Guard, clock: Clock) -> QuietSite:
    """Return a site that serves `resource` to the requests that `guard` lets in."""
    return QuietSite(resource, clock=clock, make_request=partial(GuardedRequest, guard=guard))


def _too_long(request: Request) -> bytes:
    return write_problem(request, 413, Problem("too_long", f"a request has at most {MAX_REQUEST_BYTES} bytes"))

"""The HTTP server below the routes: refuses before it reads, keeps bodies in memory within a limit, logs nothing."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import io
from functools import partial
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from client.http.messages import MAX_JSON_BYTES
from client.http.problems import Problem
from client.http.serving.calls import write_problem
from client.http.serving.guard import Guard, Refusal
from loopixmix.seams import Clock

MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""A refused body is read this far, so that its sender comes to read the answer; then the connection is cut."""


class GuardedRequest(Request):
    """A request that is judged when its headers are there.

    Twisted keeps long bodies in temporary files: here they never touch the disk.
    """

    def __init__(self, channel: HTTPChannel, queued: bool, *, guard: Guard) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._guard = guard
        self._refusal: Refusal | None = None
        self._body = io.BytesIO()
        self._taken_bytes = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's name)
        """Judge the request; from here on its body arrives."""
        self.content = self._body
        self._refusal = self._guard.refusal(self.requestHeaders)
        if length is not None and length > MAX_JSON_BYTES:
            self._refuse_length()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Keep a piece of the body, or read past it."""
        self._taken_bytes += len(data)
        if self._taken_bytes > MAX_JSON_BYTES:
            self._refuse_length()
        if self._refusal is None:
            self._body.write(data)
        elif self._taken_bytes > MAX_DISCARDED_BYTES:
            self.channel.loseConnection()

    def process(self) -> None:
        """Answer a refused request here, any other one by the routes."""
        if self._refusal is None:
            super().process()
            return
        self.write(write_problem(self, *self._refusal))
        self.finish()

    def _refuse_length(self) -> None:
        if self._refusal is None:
            self._refusal = (413, Problem("too_long", f"a request has at most {MAX_JSON_BYTES} bytes"))
            self._body.truncate(0)


class GuardedSite(Site):
    """Serves `resource` to those whom `guard` lets in."""

    noisy = False

    def __init__(self, resource: IResource, *, guard: Guard, clock: Clock) -> None:
        request_factory = partial(GuardedRequest, guard=guard)
        super().__init__(resource, requestFactory=request_factory, reactor=cast("IReactorTime", clock))

    def log(self, request: HTTPRequest) -> None:
        """Keep no access log: its lines would tell who was written to and when."""

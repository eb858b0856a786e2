"""Who may use the local API: programs that can read the token file; never a web page, wherever its name points."""

from __future__ import annotations

import hmac
from typing import TypeAlias

from twisted.web.http_headers import Headers

from client.http.problems import FORBIDDEN_HOST, FORBIDDEN_ORIGIN, UNAUTHORIZED, Problem

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

Refusal: TypeAlias = tuple[int, Problem]


class Guard:
    """Judges a request by its headers, before any of its body is kept.

    The Host header stops names that were rebound to loopback; Origin and Sec-Fetch-Site stop pages of other origins,
    as does the answer to every preflight, which grants nothing. The token stops all other programs.
    """

    def __init__(self, *, token: str) -> None:
        """Let in requests that carry `token`, and none before `allow_port`."""
        self._token = token.encode("ascii")
        self._hosts: frozenset[bytes] = frozenset()
        self._origins: frozenset[bytes] = frozenset()

    def allow_port(self, port: int) -> None:
        """Take the port that is listened on; before, every request is refused."""
        self._hosts = frozenset(f"{host}:{port}".encode("ascii") for host in LOOPBACK_NAMES)
        self._origins = frozenset(b"http://" + host for host in self._hosts)

    def refusal(self, headers: Headers) -> Refusal | None:
        """Return the answer to a request that is refused, or None."""
        host = [value.lower() for value in headers.getRawHeaders(b"Host", [])]
        # Two Host headers may be read in two ways by two programs, so there must be one.
        if len(host) != 1 or host[0] not in self._hosts:
            return FORBIDDEN_HOST
        if not self._origins.issuperset(headers.getRawHeaders(b"Origin", [])):
            return FORBIDDEN_ORIGIN
        # Browsers send it, and pages cannot change it; other programs do not, and an absent header passes.
        if not {b"none", b"same-origin"}.issuperset(headers.getRawHeaders(b"Sec-Fetch-Site", [])):
            return FORBIDDEN_ORIGIN
        authorization = headers.getRawHeaders(b"Authorization", [])
        if len(authorization) != 1:
            return UNAUTHORIZED
        # The name of a scheme is the same in any case (RFC 9110, 11.1).
        scheme, _, token = authorization[0].partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.lstrip(b" "), self._token):
            return UNAUTHORIZED
        return None

    def __repr__(self) -> str:
        return "Guard()"

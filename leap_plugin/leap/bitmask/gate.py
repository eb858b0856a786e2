"""Who may use what is served on loopback for Bitmask: programs of this machine, never a web page."""

from __future__ import annotations

import hmac

from twisted.web.http_headers import Headers

LOOPBACK_NAMES = ("127.0.0.1", "localhost")


class LoopbackGate:
    """Judges requests by their headers.

    The Host header stops names that were rebound to loopback, Origin and Sec-Fetch-Site stop web pages. The token stops
    programs of other users.
    """

    def __init__(self, token: str) -> None:
        """Let in programs that know `token`, and none before `allow_port`."""
        self._token = token.encode("ascii")
        self._hosts: frozenset[bytes] = frozenset()

    def allow_port(self, port: int) -> None:
        """Take the port that is listened on."""
        self._hosts = frozenset(f"{name}:{port}".encode("ascii") for name in LOOPBACK_NAMES)

    def is_from_a_program(self, headers: Headers) -> bool:
        """Tell whether the request was meant for this host and port, and was not made by a web page."""
        hosts = [value.lower() for value in headers.getRawHeaders(b"Host", [])]
        # Two Host headers may be read in two ways by two programs.
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return False
        if headers.hasHeader(b"Origin"):
            return False
        return {b"none"}.issuperset(headers.getRawHeaders(b"Sec-Fetch-Site", []))

    def knows_the_token(self, headers: Headers) -> bool:
        """Tell whether X-Bitmask-Auth has the token."""
        given = headers.getRawHeaders(b"X-Bitmask-Auth", [])
        return len(given) == 1 and hmac.compare_digest(given[0].strip(), self._token)

    def __repr__(self) -> str:
        return "LoopbackGate()"

"""What browsers are told about our pages, and which of their requests are refused before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted.web.http_headers import Headers

from loopixmix.errors import ConfigError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""CSP level 3: no scripts, no frames, no content from elsewhere; one stylesheet of our own."""

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"Content-Security-Policy", CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    # For browsers that do not know `frame-ancestors`.
    (b"X-Frame-Options", b"DENY"),
)

READING = (b"GET", b"HEAD")
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:]{2,39}\])(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class WebOrigin:
    """Where pages are found: scheme, host and port, as browsers write them."""

    scheme: str
    host: str

    @classmethod
    def parse(cls, text: str) -> WebOrigin:
        """Return the origin that `text` names; raise `ConfigError` if it is none."""
        match = _ORIGIN.fullmatch(text)
        if match is None:
            raise ConfigError(f"{text[:80]!r} is no origin: it is like https://board.example.org, without a path")
        port = match[3] or ""
        return cls(match[1], match[2] + ("" if port == _DEFAULT_PORTS[match[1]] else port))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def is_secure(self) -> bool:
        """Tell whether pages travel encrypted."""
        return self.scheme == "https"


@dataclass(frozen=True)
class Refusal:
    """Why a request is not carried out: a status of HTTP, and words for a person."""

    status: int
    title: str
    words: str


WRONG_HOST = Refusal(421, "Not found here", "This address belongs to another program.")
FROM_ELSEWHERE = Refusal(
    403, "Refused", "Another web page asked for this. Open the address yourself, or begin anew from the link."
)
UNKNOWN_SENDER = Refusal(
    403, "Refused", "The browser did not say which page sent this form. A newer browser does; nothing was done."
)


def refusal(method: bytes, headers: Headers, *, origin: WebOrigin) -> Refusal | None:
    """Return why a request is refused, or None.

    Host stops names that were rebound to our address. The Fetch Metadata headers (W3C, "Fetch Metadata Request
    Headers") stop other pages: these may lead a person to us by a link, and nothing else. A form counts only if it was
    sent by a page of ours.
    """
    hosts = _values(headers, b"Host")
    if len(hosts) != 1 or hosts[0].lower() != origin.host.encode("ascii"):
        return WRONG_HOST
    sites, origins = _values(headers, b"Sec-Fetch-Site"), _values(headers, b"Origin")
    own = str(origin).encode("ascii")
    if method in READING:
        foreign = not {b"none", b"same-origin"}.issuperset(sites)
        return FROM_ELSEWHERE if foreign and not _is_followed_link(headers) else None
    if any(site != b"same-origin" for site in sites):
        return FROM_ELSEWHERE
    if sites:
        # Our own forms are sent with the origin `null`, because of `Referrer-Policy: no-referrer` (Fetch, 3.2, "append
        # a request Origin header"). `Sec-Fetch-Site` is believed: no page can set it.
        return None if {own, b"null"}.issuperset(origins) else FROM_ELSEWHERE
    if not origins:
        return UNKNOWN_SENDER
    return None if origins == [own] else FROM_ELSEWHERE


def was_opened_by_a_person(headers: Headers) -> bool:
    """Tell whether the browser vouches that an address was typed, clicked outside of pages, or kept as a bookmark."""
    return _values(headers, b"Sec-Fetch-Site") == [b"none"] and not headers.hasHeader(b"Sec-Purpose")


def _is_followed_link(headers: Headers) -> bool:
    return _values(headers, b"Sec-Fetch-Mode") == [b"navigate"] and _values(headers, b"Sec-Fetch-Dest") == [b"document"]


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return list(headers.getRawHeaders(name, ()))

"""Sessions of browsers, kept here and not in them: bounded in number and time, forgotten when the program ends."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace

from twisted.web.http_headers import Headers

from loopixmix.bounds import BoundedMap
from loopixmix.seams import Clock, Rng

SECRET_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def make_secret(rng: Rng) -> str:
    """Return 256 random bits as 43 characters that may stand in an address."""
    return urlsafe_b64encode(rng.randbytes(SECRET_BYTES)).rstrip(b"=").decode("ascii")


def name_of_secret(secret: str) -> bytes:
    """Return under what a secret is looked up.

    Looking up a hash takes a time that tells nothing about the secrets that are there.
    """
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class SessionLimits:
    """How many sessions there are at most, and how long one lasts unused and in all."""

    most: int = 32
    idle_s: float = 30 * 60.0
    longest_s: float = 12 * 3600.0


@dataclass(frozen=True, kw_only=True)
class WebSession:
    """What is known of a browser: `form_token` proves that a form comes from a page of this session.

    `holder`: whose session it is, as its door said; empty after a one-time link.
    """

    form_token: str = field(repr=False)
    holder: str = ""
    begun_at_s: float
    seen_at_s: float


class WebSessions:
    """The sessions of one application's pages."""

    def __init__(self, limits: SessionLimits, *, clock: Clock, rng: Rng) -> None:
        """Begin without a session. `rng` makes the secrets: the system's, outside of tests."""
        self._limits = limits
        self._clock = clock
        self._rng = rng
        self._sessions: BoundedMap[bytes, WebSession] = BoundedMap(limits.most)

    def __len__(self) -> int:
        """Return how many sessions are kept."""
        return len(self._sessions)

    def begin(self, holder: str = "") -> str:
        """Return the secret of a new session, for its cookie; if there are too many, the idlest one ends.

        `holder`: whose it is.

        The secret is always made here. One that a browser brings along is never taken over, so that nobody can give a
        person a session that somebody else knows.
        """
        now_s = self._clock.seconds()
        secret = make_secret(self._rng)
        session = WebSession(form_token=make_secret(self._rng), holder=holder, begun_at_s=now_s, seen_at_s=now_s)
        self._sessions[name_of_secret(secret)] = session
        return secret

    def find(self, secret: str) -> WebSession | None:
        """Return the session of a secret, which is then in use again, or None."""
        name = name_of_secret(secret)
        session = self._sessions.get(name)
        if session is None:
            return None
        now_s = self._clock.seconds()
        # A clock that was set back must not make a session last longer than it was to.
        idle_s, age_s = now_s - session.seen_at_s, now_s - session.begun_at_s
        if not (0 <= idle_s <= self._limits.idle_s and age_s <= self._limits.longest_s):
            del self._sessions[name]
            return None
        session = self._sessions[name] = replace(session, seen_at_s=now_s)
        self._sessions.move_to_end(name)
        return session

    def end(self, secret: str) -> None:
        """Forget a session, if there is one."""
        self._sessions.pop(name_of_secret(secret), None)

    def __repr__(self) -> str:
        return f"WebSessions({len(self)})"


@dataclass(frozen=True)
class SessionCookie:
    """The cookie of a session: unreadable by scripts, and never sent along by a request of another site.

    Over TLS its name begins with `__Host-` (RFC 6265bis, 4.1.3.2): no neighbouring host name and no page without TLS
    can plant one. Without TLS, on loopback, browsers refuse that name; there `path` keeps it to one application.
    """

    path: str
    is_secure: bool

    @property
    def name(self) -> str:
        """The name of the cookie."""
        return "__Host-session" if self.is_secure else "session"

    def give(self, secret: str) -> bytes:
        """Return the value of a `Set-Cookie` that gives the secret to the browser, until it is closed."""
        return self._write(secret)

    def take_back(self) -> bytes:
        """Return the value of a `Set-Cookie` that makes the browser forget the secret."""
        return self._write("", "; Max-Age=0")

    def read(self, headers: Headers) -> str | None:
        """Return the secret that a request carries, or None; two different ones count as none."""
        found = set()
        for line in headers.getRawHeaders("Cookie", ()):
            for pair in line.split(";"):
                name, equals, value = pair.strip().partition("=")
                if equals and name == self.name and _SECRET.fullmatch(value):
                    found.add(value)
        return found.pop() if len(found) == 1 else None

    def _write(self, value: str, more: str = "") -> bytes:
        path, secure = ("/", "; Secure") if self.is_secure else (self.path or "/", "")
        return f"{self.name}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}{more}".encode("ascii")

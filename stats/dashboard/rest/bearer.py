"""Who calls: a bearer token (RFC 6750), within bounds."""

from __future__ import annotations

from twisted.web.server import Request

from loopixmix.bounds import BucketsByKey
from loopixmix.errors import PeerError
from loopixmix.seams import Clock
from stats.analysts.book import Analyst, AnalystBook

CALLS_PER_S, CALLS_AT_ONCE = 5.0, 100.0
"""Of one analyst."""
STRANGERS_PER_S, STRANGERS_AT_ONCE = 1.0, 30.0
"""Calls without a good token, from one address."""
MOST_REMEMBERED = 4096


class UnknownCallerError(PeerError):
    """The call has no bearer token that counts."""


class CallsTooOftenError(PeerError):
    """There are too many calls."""


class CallerBounds:
    """Bounds how often somebody may call."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing called."""
        self._clock = clock
        self._callers: BucketsByKey[str] = BucketsByKey(CALLS_PER_S, CALLS_AT_ONCE, capacity=MOST_REMEMBERED)
        self._strangers: BucketsByKey[str] = BucketsByKey(STRANGERS_PER_S, STRANGERS_AT_ONCE, capacity=MOST_REMEMBERED)

    def identify(self, book: AnalystBook, secret: str, address: str) -> Analyst:
        """Return who calls; raise `UnknownCallerError` or `CallsTooOftenError`. It waits for the disk."""
        analyst = book.of_token(secret)
        now_s = self._clock.seconds()
        if analyst is None:
            if not self._strangers.take(address, now_s):
                raise CallsTooOftenError("too many calls without a good token")
            raise UnknownCallerError("the call needs a bearer token that counts: loopixmix stats analyst token")
        if not self._callers.take(analyst.name, now_s):
            raise CallsTooOftenError("too many calls: wait some seconds")
        return analyst


def bearer_of(request: Request) -> str:
    """Return the token that a call carries; empty if it carries none."""
    values = request.requestHeaders.getRawHeaders("Authorization", ())
    scheme, _, secret = (values[0] if len(values) == 1 else "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""

"""Talking HTTP to an authority, as a client."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Protocol, cast

import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.client import RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed
from twisted.web.error import SchemeNotSupported

from loopixmix.errors import UnavailableError
from loopixmix.seams import Clock
from loopixmix.web.calls import BodyCollector

ANSWER_TIMEOUT_S = 30.0


class Answer(msgspec.Struct, frozen=True):
    """An authority's answer: HTTP status and body, and how far our clock was ahead of its `Date`, if it has one."""

    status: int
    body: bytes
    ahead_s: float | None = None

    @property
    def reason(self) -> str:
        """The first line of a refusal, made fit to print."""
        line = self.body[:300].decode("utf-8", "replace").partition("\n")[0]
        text = "".join(letter for letter in line if letter.isprintable())
        return f"HTTP status {self.status}" + (f": {text}" if text else "")


class DocumentFetcher(Protocol):
    """Gets documents from authorities and puts descriptors there."""

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        """Return the answer to a GET; raise `UnavailableError` if there is none of at most `limit_bytes`."""

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        """Return the answer to a PUT; raise `UnavailableError` if there is none of at most `limit_bytes`."""


class TreqFetcher:
    """The `DocumentFetcher` of production: a connection a request, no redirects, bounded in time and size."""

    def __init__(self, http: HTTPClient, *, clock: Clock, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """`http`: makes connections. `clock`: times them. `answer_timeout_s`: how long a whole exchange may take."""
        self._http = http
        self._clock = clock
        self._answer_timeout_s = answer_timeout_s

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        """Return the answer to a GET."""
        return await self._request("GET", url, None, limit_bytes)

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        """Return the answer to a PUT."""
        return await self._request("PUT", url, body, limit_bytes)

    async def _request(self, method: str, url: str, body: bytes | None, limit_bytes: int) -> Answer:
        # An authority that takes a connection and then says nothing must not keep us from asking the next one.
        exchange = _abandonable(Deferred.fromCoroutine(self._exchange(method, url, body, limit_bytes)))
        try:
            return await exchange.addTimeout(self._answer_timeout_s, cast(IReactorTime, self._clock))
        except TimeoutError as error:
            raise UnavailableError(f"no complete answer within {self._answer_timeout_s:.0f} s") from error
        except (ConnectError, DNSLookupError, SchemeNotSupported) as error:
            raise UnavailableError(str(error).strip().rstrip(".") or "no connection") from error
        except (ConnectionClosed, RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed) as error:
            raise UnavailableError("the connection broke before the answer was complete") from error

    async def _exchange(self, method: str, url: str, body: bytes | None, limit_bytes: int) -> Answer:
        response = await self._http.request(
            method,
            url,
            data=body,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._clock,  # type: ignore[arg-type]  # zope interfaces are unknown to mypy
        )
        collector = BodyCollector(limit_bytes)
        response.deliverBody(collector)
        dates = response.headers.getRawHeaders("Date", [])
        ahead_s = _ahead_s(dates[0], self._clock.seconds()) if dates else None
        return Answer(response.code, await collector.complete, ahead_s)


def _ahead_s(date: str, now_s: float) -> float | None:
    """Return how far `now_s` is after the date of an answer; None if that is no date."""
    try:
        return now_s - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _abandonable(exchange: Deferred[Answer]) -> Deferred[Answer]:
    """Return a Deferred with the result of `exchange` that always fails with `CancelledError` when it is cancelled.

    Twisted's client ends a cancelled request with one of many errors, depending on how far it was.
    """
    is_abandoned = False

    def abandon(_: Deferred[Answer]) -> None:
        nonlocal is_abandoned
        is_abandoned = True
        exchange.cancel()

    outer: Deferred[Answer] = Deferred(abandon)

    def pass_on(result: Answer | Failure) -> None:
        if not is_abandoned:
            outer.errback(result) if isinstance(result, Failure) else outer.callback(result)

    exchange.addBoth(pass_on)
    return outer

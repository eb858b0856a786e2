"""Talking HTTP to an authority, as a client."""

from __future__ import annotations

import io
from typing import Protocol, cast

import msgspec
from treq.client import HTTPClient
from twisted.internet.base import ReactorBase
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IAgent

from loopixmix.errors import UnavailableError

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 30.0


class Answer(msgspec.Struct, frozen=True):
    """What an authority answered: the HTTP status and the body."""

    status: int
    body: bytes

    @property
    def reason(self) -> str:
        """The first line of a refusal, made fit to print."""
        line = self.body[:300].decode("utf-8", "replace").partition("\n")[0]
        text = "".join(letter for letter in line if letter.isprintable())
        return f"HTTP status {self.status}" + (f": {text}" if text else "")


class DocumentFetcher(Protocol):
    """Gets documents from authorities and puts descriptors there."""

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        """Return the answer to a GET; raise `UnavailableError` where there is none of at most `limit_bytes`."""

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        """Return the answer to a PUT; raise `UnavailableError` where there is none of at most `limit_bytes`."""


class TreqFetcher:
    """The `DocumentFetcher` of production: a connection a request, no redirects, bounded in time and size."""

    def __init__(self, reactor: ReactorBase, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Take the reactor that makes connections and times them, and how long a whole exchange may take."""
        self._reactor = reactor
        self._answer_timeout_s = answer_timeout_s
        pool = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
        agent = Agent(reactor, connectTimeout=CONNECT_TIMEOUT_S, pool=pool)  # type: ignore[no-untyped-call]
        self._client = HTTPClient(cast(IAgent, agent))

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        """Return the answer to a GET."""
        return await self._request("GET", url, None, limit_bytes)

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        """Return the answer to a PUT."""
        return await self._request("PUT", url, body, limit_bytes)

    async def _request(self, method: str, url: str, body: bytes | None, limit_bytes: int) -> Answer:
        exchange = _abandonable(Deferred.fromCoroutine(self._exchange(method, url, body, limit_bytes)))
        timeout = self._reactor.callLater(self._answer_timeout_s, exchange.cancel)
        try:
            return await exchange
        except CancelledError as error:
            if timeout.active():
                raise  # somebody else gave up
            raise UnavailableError(f"no complete answer within {self._answer_timeout_s:.0f} s") from error
        except (ConnectError, DNSLookupError, SchemeNotSupported) as error:
            raise UnavailableError(str(error).strip().rstrip(".") or "no connection") from error
        except (ConnectionClosed, RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed) as error:
            raise UnavailableError("the connection broke before the answer was complete") from error
        finally:
            if timeout.active():
                timeout.cancel()

    async def _exchange(self, method: str, url: str, body: bytes | None, limit_bytes: int) -> Answer:
        response = await self._client.request(
            method,
            url,
            data=None if body is None else io.BytesIO(body),
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,  # type: ignore[arg-type]  # zope interfaces are unknown to mypy
        )
        collector = _BodyCollector(limit_bytes)
        response.deliverBody(collector)
        return Answer(response.code, await collector.complete)


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


class _Closable(Protocol):
    def loseConnection(self) -> None: ...  # noqa: N802


class _BodyCollector(TwistedProtocol):
    """Collects the body of a response up to a limit; cancelling `complete` closes the connection."""

    def __init__(self, limit_bytes: int) -> None:
        self.complete: Deferred[bytes] = Deferred(lambda _: self._close())
        self._body = bytearray()
        self._limit_bytes = limit_bytes

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        self._body += data
        if len(self._body) > self._limit_bytes and not self.complete.called:
            self._close()
            self.complete.errback(UnavailableError(f"the answer is longer than {self._limit_bytes} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self.complete.called:
            return
        if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self.complete.callback(bytes(self._body))
        else:
            self.complete.errback(UnavailableError("the connection broke before the answer was complete"))

    def _close(self) -> None:
        if self.transport is not None:
            cast(_Closable, self.transport).loseConnection()

"""Asking by HTTP: no redirects, answers collected within a bound, connections kept only if that is asked for."""

from __future__ import annotations

from typing import Protocol, cast

from treq.client import HTTPClient
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from loopixmix.errors import UnavailableError

CONNECT_TIMEOUT_S = 10.0
KEPT_IDLE_S = 20.0
"""Shorter than a server of ours waits (`loopixmix.web.sites.IDLE_TIMEOUT_S`): it is not to end one that is used."""


class BrokenAnswerError(UnavailableError):
    """The connection broke before the answer was complete."""


class LongAnswerError(UnavailableError):
    """The answer is longer than it may be."""


def one_shot_client(reactor: ReactorBase) -> HTTPClient:
    """Return a treq client over real connections, none of which is kept."""
    # Kept connections would leave timers and sockets behind when a program ends, and save little on loopback.
    pool = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
    agent = Agent(reactor, connectTimeout=CONNECT_TIMEOUT_S, pool=pool)  # type: ignore[no-untyped-call]
    return client_of(cast(IAgent, agent))


class KeptConnections:
    """A treq client that keeps connections for further requests, until `close`."""

    def __init__(self, http: HTTPClient, pool: HTTPConnectionPool) -> None:
        """`pool` keeps the connections of `http`."""
        self.http = http
        self._pool = pool

    def close(self) -> Deferred[None]:
        """Close the connections that are not in use; fires when they are closed. No timer of theirs is left."""
        return cast("Deferred[None]", self._pool.closeCachedConnections())  # type: ignore[no-untyped-call]


def kept_connections(reactor: ReactorBase, *, most: int, idle_s: float = KEPT_IDLE_S) -> KeptConnections:
    """Return a treq client that keeps at most `most` idle connections for each server, for `idle_s` each."""
    pool = HTTPConnectionPool(reactor, persistent=True)  # type: ignore[no-untyped-call]
    pool.maxPersistentPerHost = most
    pool.cachedConnectionTimeout = idle_s  # type: ignore[assignment]
    # Whether a request may be made twice its caller knows, and Twisted does not.
    pool.retryAutomatically = False
    agent = Agent(reactor, connectTimeout=CONNECT_TIMEOUT_S, pool=pool)  # type: ignore[no-untyped-call]
    return KeptConnections(client_of(cast(IAgent, agent)), pool)


def client_of(agent: IAgent) -> HTTPClient:
    """Return a treq client over `agent`, whose bodies are written at once."""
    # treq's own producer cuts a body into pieces and schedules them on the global reactor.
    return HTTPClient(agent, data_to_body_producer=lambda body: cast(IBodyProducer, _BytesProducer(body)))


class _Closable(Protocol):
    def loseConnection(self) -> None: ...  # noqa: N802


class BodyCollector(TwistedProtocol):
    """Collects the body of an answer; cancelling `complete` closes the connection."""

    def __init__(self, limit_bytes: int | None = None) -> None:
        """`limit_bytes`: the longest body; None if the answerer is trusted to stop.

        `complete` fails with `LongAnswerError` or `BrokenAnswerError`.
        """
        self.complete: Deferred[bytes] = Deferred(lambda _: self._close())
        self._body = bytearray()
        self._limit_bytes = limit_bytes

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Keep a piece."""
        self._body += data
        limit_bytes = self._limit_bytes
        if limit_bytes is not None and len(self._body) > limit_bytes and not self.complete.called:
            self._close()
            self.complete.errback(LongAnswerError(f"the answer is longer than {limit_bytes} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 (Twisted's name)
        """Give the body out if it is whole."""
        if self.complete.called:
            return
        # `PotentialDataLoss`: a server that neither tells the length nor sends in chunks ends a body by closing.
        if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self.complete.callback(bytes(self._body))
        else:
            self.complete.errback(BrokenAnswerError("the connection broke before the answer was complete"))

    def _close(self) -> None:
        if self.transport is not None:
            cast(_Closable, self.transport).loseConnection()


class _Consumer(Protocol):
    def write(self, data: bytes, /) -> object: ...


@implementer(IBodyProducer)
class _BytesProducer:
    """A request body that is there already."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: _Consumer) -> Deferred[None]:  # noqa: N802
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """All of it was written already."""

    def resumeProducing(self) -> None:  # noqa: N802
        """All of it was written already."""

    def stopProducing(self) -> None:  # noqa: N802
        """All of it was written already."""

"""HTTP without sockets: Twisted's real web client and server, joined in memory on a clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from loopixmix.web.calls import KeptConnections, client_of

FULL_BYTES = 64 * 1024


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection; what is written arrives in the same instant, unless the other end does not read."""

    def __init__(self, clock: Clock, protocol: IProtocol, *, host: IPv4Address, peer: IPv4Address) -> None:
        self.clock = clock
        self.protocol = protocol
        self.other: MemoryTransport | None = None
        self._host, self._peer = host, peer
        self._arrived = bytearray()
        self._reading = True
        self._ending = False
        self._ended = False
        self._producer: IPushProducer | None = None
        self._producer_paused = False
        self.peer_wrote_all = False

    def getHost(self) -> IPv4Address:
        return self._host

    def getPeer(self) -> IPv4Address:
        return self._peer

    def write(self, data: bytes) -> None:
        if self._ending or self.other is None:
            return
        self.other.arrive(bytes(data))
        if self._producer is not None and not self._producer_paused and self.other.is_full:
            self._producer_paused = True
            self._producer.pauseProducing()

    def writeSequence(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        assert streaming
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        self._reading = True
        self._schedule()

    def loseConnection(self) -> None:
        self._ending = True
        self._schedule()
        if self.other is not None:
            self.other._schedule()

    def abortConnection(self) -> None:
        self.loseConnection()

    def loseWriteConnection(self) -> None:
        # The other end closes when it has read all, as Twisted's protocols do that do not ask to be told of this.
        if self.other is not None:
            self.other.peer_wrote_all = True
            self.other._schedule()

    def stopProducing(self) -> None:
        self.loseConnection()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay."""

    @property
    def is_full(self) -> bool:
        return len(self._arrived) > FULL_BYTES

    def arrive(self, data: bytes) -> None:
        self._arrived += data
        self._schedule()

    def _schedule(self) -> None:
        self.clock.callLater(0, self._deliver)

    def _deliver(self) -> None:
        if self._ended:
            return
        if self._reading and self._arrived and not self._ending:
            data, self._arrived = bytes(self._arrived), bytearray()
            self.protocol.dataReceived(data)
            self._drained()
        closes_too = self.peer_wrote_all and not IHalfCloseableProtocol.providedBy(self.protocol)
        other_wrote_all = closes_too or (self.other is not None and self.other._ending)
        if self._ending or (other_wrote_all and not self._arrived):
            self._ended = self._ending = True
            self.protocol.connectionLost(Failure(ConnectionDone()))
            if self.other is not None:
                self.other._schedule()

    def _drained(self) -> None:
        other = self.other
        if other is not None and other._producer_paused:
            other._producer_paused = False
            if other._producer is not None:
                other._producer.resumeProducing()


@dataclass
class MemoryPort:
    """A port that is listened on."""

    web: MemoryWeb
    port: int

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.port)

    def stopListening(self) -> None:
        del self.web.listeners[self.port]


@implementer(IAgentEndpointFactory)
class MemoryWeb:
    """Loopback: implements `loopixmix.net.sockets.Sockets.listen`, and makes agents that connect to it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.listeners: dict[int, IProtocolFactory] = {}
        self.connections: list[tuple[MemoryTransport, MemoryTransport]] = []
        self._next_port = 40_000

    def listen(self, host: str, port: int, factory: IProtocolFactory) -> MemoryPort:
        assert host == "127.0.0.1"
        if port == 0:
            self._next_port += 1
            port = self._next_port
        self.listeners[port] = factory
        return MemoryPort(self, port)

    def agent(self) -> IAgent:
        pool = HTTPConnectionPool(self.clock, persistent=False)
        return cast(IAgent, Agent.usingEndpointFactory(self.clock, self, pool=pool))

    def kept(self) -> KeptConnections:
        """Return a treq client that keeps its connections, as programs use it."""
        pool = HTTPConnectionPool(self.clock, persistent=True)
        pool.maxPersistentPerHost = 8
        pool.retryAutomatically = False
        return KeptConnections(client_of(cast(IAgent, Agent.usingEndpointFactory(self.clock, self, pool=pool))), pool)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return cast(IStreamClientEndpoint, MemoryEndpoint(self, uri.port))


@implementer(IStreamClientEndpoint)
@dataclass
class MemoryEndpoint:
    """A port to connect to."""

    web: MemoryWeb
    port: int

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        here, there = IPv4Address("TCP", "127.0.0.1", 50_000), IPv4Address("TCP", "127.0.0.1", self.port)
        if self.port not in self.web.listeners:
            return fail(ConnectionRefusedError())
        client, server = factory.buildProtocol(there), self.web.listeners[self.port].buildProtocol(here)
        client_end = MemoryTransport(self.web.clock, client, host=here, peer=there)
        server_end = MemoryTransport(self.web.clock, server or Protocol(), host=there, peer=here)
        client_end.other, server_end.other = server_end, client_end
        self.web.connections.append((client_end, server_end))
        server_end.protocol.makeConnection(server_end)
        client.makeConnection(client_end)
        if server is None:
            # As Twisted does with a connection for which a factory builds nothing.
            server_end.abortConnection()
        return succeed(client)


class RawConversation(Protocol):
    """A client that writes exactly what it is told, as an attacker or a browser would."""

    def __init__(self) -> None:
        self.received = b""
        self.closed = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True

    @property
    def status(self) -> int:
        return int(self.received.split(b" ", 2)[1])

    @property
    def head(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[0].lower()

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]


@implementer(IHalfCloseableProtocol)
class EndlessConversation(RawConversation):
    """One that keeps its connection open, also when the server writes nothing more."""

    def readConnectionLost(self) -> None:
        """Go on."""

    def writeConnectionLost(self) -> None:
        """Go on."""


def converse(
    web: MemoryWeb, port: int, raw: bytes, *, seconds: float = 0, conversation: RawConversation | None = None
) -> RawConversation:
    """Connect to a port, write `raw`, let `seconds` pass and return what came back.

    `conversation`: the client; a new `RawConversation` if there is none.
    """
    conversation = conversation or RawConversation()
    factory = Factory.forProtocol(lambda: conversation)
    MemoryEndpoint(web, port).connect(cast(IProtocolFactory, factory))
    for start in range(0, len(raw), FULL_BYTES):
        cast(MemoryTransport, conversation.transport).write(raw[start : start + FULL_BYTES])
        web.clock.advance(0)
    web.clock.advance(seconds)
    return conversation


def request_bytes(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return an HTTP request, with nothing in it but what is told (and the body's length)."""
    told = {**headers, "Content-Length": str(len(body))} if body or method == "POST" else headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

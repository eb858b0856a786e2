"""Networks of links without sockets: TLS and all, on one clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.keys import IdentityKey
from loopixmix.net.address import PeerAddress
from loopixmix.net.links.tls import LinkLimits, TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.seams import Fact, Identity, LinkClosed, LinkOpened, LinkRefused, PacketDropped
from loopixmix.wire import Frame, FrameFormat, LinkRole

FORMAT = FrameFormat(packet_bytes=2758, body_bytes=2436)
NETWORK_ID = b"test network id."
BUFFER_BYTES = 65_536
CHUNK_BYTES = 30_000


def packet_frame(number: int) -> bytes:
    """A packet's frame that tells which one it is."""
    return FORMAT.packet_frame(number.to_bytes(8, "big").ljust(FORMAT.packet_bytes, b"p"))


def number_of(frame: bytes) -> int:
    return int.from_bytes(frame[1:9], "big")


class RecordingObserver:
    """Keeps every fact."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)

    def refusals(self) -> Counter[RefusalReason]:
        return Counter(fact.reason for fact in self.facts if isinstance(fact, LinkRefused))

    def drops(self) -> Counter[DropReason]:
        return Counter(fact.reason for fact in self.facts if isinstance(fact, PacketDropped))

    def opened(self) -> int:
        return sum(isinstance(fact, LinkOpened) for fact in self.facts)

    def closed(self) -> int:
        return sum(isinstance(fact, LinkClosed) for fact in self.facts)


class Inbox:
    """Keeps what a network received."""

    def __init__(self) -> None:
        self.calls: list[tuple[Identity, list[bytes]]] = []
        self.count = 0

    def received(self, peer: Identity, packets: Sequence[bytes], others: Sequence[Frame]) -> None:
        """Keep what came as the frames that it came in."""
        frames = [*map(FORMAT.packet_frame, packets), *map(FORMAT.encode, others)]
        self.count += len(frames)
        self.calls.append((peer, frames))

    def numbers(self) -> list[int]:
        return [number_of(frame) for _, frames in self.calls for frame in frames]


@implementer(ITransport, IConsumer)
class PipeEnd:
    """One end of a connection in memory; what is written arrives in the next turn, unless the other end is deaf."""

    def __init__(self, clock: Clock, peer_host: str) -> None:
        self._clock = clock
        self._peer_host = peer_host
        self.other: PipeEnd
        self.protocol: Protocol | None = None
        self.deaf = False
        self.writes: list[bytes] = []
        self._buffer = b""
        self._producer: IPushProducer | None = None
        self._paused = False
        self._scheduled = False
        self._closing = False
        self.lost = False

    def getHandle(self) -> object:
        return None

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self._peer_host, 1)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 2)

    def write(self, data: bytes) -> None:
        if self.lost or self._closing:
            return
        self.writes.append(data)
        self._buffer += data
        if self._producer is not None and not self._paused and len(self._buffer) > BUFFER_BYTES:
            self._paused = True
            self._producer.pauseProducing()
        self._deliver_soon()

    def writeSequence(self, data: Sequence[bytes]) -> None:
        self.write(b"".join(data))

    def _deliver_soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self.lost or self.other.deaf:
            return
        chunk, self._buffer = self._buffer[:CHUNK_BYTES], self._buffer[CHUNK_BYTES:]
        if chunk and self.other.protocol is not None:
            self.other.protocol.dataReceived(chunk)
        if self._buffer:
            self._deliver_soon()
            return
        if self._paused and self._producer is not None:
            self._paused = False
            self._producer.resumeProducing()
        if self._closing and not self._buffer:
            self._break(ConnectionDone())

    def hear(self) -> None:
        """Read again after `deaf`."""
        self.deaf = False
        self.other._deliver_soon()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def loseConnection(self) -> None:
        self._closing = True
        self._deliver_soon()

    def abortConnection(self) -> None:
        self._clock.callLater(0, self._break, ConnectionAborted())

    def _break(self, why: Exception) -> None:
        for end in (self, self.other):
            if not end.lost:
                end.lost = True
                protocol, end.protocol = end.protocol, None
                if protocol is not None:
                    protocol.connectionLost(Failure(why))


class MemoryPort:
    def __init__(self, sockets: MemorySockets, address: PeerAddress) -> None:
        self._sockets = sockets
        self._address = address

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", self._address.host, self._address.port)

    def stopListening(self) -> Deferred[None]:
        del self._sockets.listeners[self._address]
        return succeed(None)


class MemorySockets:
    """Connections between whoever listens and dials on it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.listeners: dict[PeerAddress, object] = {}
        self.pipes: list[tuple[PipeEnd, PipeEnd]] = []
        self.dialled: list[tuple[float, PeerAddress]] = []
        self.silent: set[PeerAddress] = set()
        self.unanswered: list[Deferred[object]] = []
        self.host_of_dialler = "10.0.0.1"

    def listen(self, host: str, port: int, factory: object) -> MemoryPort:
        address = PeerAddress(host, port)
        self.listeners[address] = factory
        return MemoryPort(self, address)

    def dial(self, address: PeerAddress, factory: object, *, timeout_s: float) -> Deferred[object]:
        self.dialled.append((self._clock.seconds(), address))
        if address in self.silent:
            self.unanswered.append(Deferred())
            return self.unanswered[-1]
        listener = self.listeners.get(address)
        if listener is None:
            return fail(ConnectionRefusedError())
        connected: Deferred[object] = Deferred()
        self._clock.callLater(0, self._connect, connected, factory, listener)
        return connected

    def _connect(self, connected: Deferred[object], factory: object, listener: object) -> None:
        if connected.called:
            return
        near, far = self.pipe()
        far.protocol = listener.buildProtocol(far.getPeer())
        near.protocol = factory.buildProtocol(near.getPeer())
        near.protocol.makeConnection(near)
        connected.callback(near.protocol)
        if far.protocol is None:
            far.abortConnection()
        else:
            far.protocol.makeConnection(far)

    def pipe(self) -> tuple[PipeEnd, PipeEnd]:
        near, far = PipeEnd(self._clock, "10.0.0.2"), PipeEnd(self._clock, self.host_of_dialler)
        near.other, far.other = far, near
        self.pipes.append((near, far))
        return near, far

    def alive(self) -> int:
        return sum(not end.lost for pipe in self.pipes for end in pipe)


class Node:
    """A network with its inbox and its facts."""

    def __init__(self, world: LinkWorld, name: str, network: TlsNetwork, observer: RecordingObserver) -> None:
        self.world = world
        self.network = network
        self.observer = observer
        self.inbox = Inbox()
        self.id = network.identity
        self.address = PeerAddress(f"{name}.example", 9000)
        network.start(self.inbox.received)

    def listen(self) -> Node:
        self.network.listen(self.address.host, self.address.port)
        return self

    def dial(self, *others: Node) -> Node:
        self.network.set_peers({other.id: other.address for other in others})
        return self


class LinkWorld:
    """Nodes on one clock with connections in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sockets = MemorySockets(self.clock)
        self.nodes: dict[str, Node] = {}
        self.admitted: set[Identity] | None = None
        self.clients: set[Identity] = set()

    def role_of(self, peer: Identity) -> LinkRole | None:
        if peer in self.clients:
            return LinkRole.CLIENT
        return LinkRole.MIX if self.admitted is None or peer in self.admitted else None

    def node(
        self,
        name: str,
        *,
        limits: LinkLimits | None = None,
        network_id: bytes = NETWORK_ID,
        frame_format: FrameFormat = FORMAT,
    ) -> Node:
        observer = RecordingObserver()
        network = TlsNetwork(
            identity_key=IdentityKey(name.encode().ljust(32, b"-")),
            network_id=network_id,
            reception=Reception(frame_format, own=LinkRole.MIX, role_of=self.role_of),
            limits=limits or LinkLimits(),
            sockets=self.sockets,
            clock=self.clock,
            rng=random.Random(name),
            observer=observer,
        )
        self.nodes[name] = node = Node(self, name, network, observer)
        return node

    def settle(self) -> None:
        """Let everything happen that takes no time."""
        self.clock.advance(0)

    def stop(self) -> None:
        """Stop every node; nothing may be left."""
        stopped = [node.network.stop() for node in self.nodes.values()]
        self.settle()
        self.clock.advance(1.0)
        assert all(result.called for result in stopped)
        assert self.sockets.alive() == 0
        assert all(attempt.called for attempt in self.sockets.unanswered)
        assert self.sockets.listeners == {}
        assert self.clock.getDelayedCalls() == []

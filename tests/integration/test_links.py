"""Links over real loopback sockets: who is refused and why, and that nobody else suffers."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_twisted
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from twisted.internet import reactor, task
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.errors import ListenError
from loopixmix.keys import IdentityKey
from loopixmix.net.links.certificates import make_certificate, private_key
from loopixmix.net.links.context import make_context
from loopixmix.net.links.tls import LinkLimits, PeerAddress, TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import TcpSockets
from loopixmix.wire import WIRE_VERSION, Hello, LinkRole
from tests.worlds.networks.certificates import certificate_of_version
from tests.worlds.networks.links import FORMAT, NETWORK_ID, Inbox, RecordingObserver, number_of, packet_frame

LIMITS = LinkLimits(handshake_timeout_s=2.0, hello_timeout_s=0.5, backoff_first_s=0.05, backoff_longest_s=0.2)
HELLO = Hello(WIRE_VERSION, NETWORK_ID, FORMAT.geometry_digest, LinkRole.MIX)


class Node:
    def __init__(self, name: str, admitted: set[bytes] | None = None, limits: LinkLimits = LIMITS) -> None:
        self.identity_key = IdentityKey(name.encode().ljust(32, b"-"))
        self.id = self.identity_key.public
        self.observer = RecordingObserver()
        self.inbox = Inbox()
        self.address = PeerAddress("127.0.0.1", 0)
        self.network = TlsNetwork(
            identity_key=self.identity_key,
            network_id=NETWORK_ID,
            reception=Reception(
                FORMAT,
                own=LinkRole.MIX,
                role_of=lambda peer: LinkRole.MIX if admitted is None or peer in admitted else None,
            ),
            limits=limits,
            sockets=TcpSockets(reactor),
            clock=reactor,
            rng=random.Random(name),
            observer=self.observer,
        )
        self.network.start(self.inbox.received)

    async def listen(self, port: int = 0) -> Node:
        self.address = await self.network.listen("127.0.0.1", port)
        return self

    def dial(self, *others: Node) -> Node:
        self.network.set_peers({other.id: other.address for other in others})
        return self


class World:
    """Makes nodes and stops them all."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def node(self, name: str, **options: object) -> Node:
        node = Node(name, **options)
        self.nodes.append(node)
        return node

    async def stop(self) -> None:
        for node in self.nodes:
            await node.network.stop()


def leftovers() -> set[object]:
    return {*reactor.getDelayedCalls(), *reactor.getReaders(), *reactor.getWriters()}


@pytest_twisted.async_yield_fixture
async def world() -> AsyncIterator[World]:
    before = leftovers()
    world = World()
    yield world
    await world.stop()
    await until(lambda: leftovers() <= before, "no delayed call and no socket")


async def until(condition: Callable[[], object], what: str = "it", timeout_s: float = 5.0) -> None:
    """Wait for something that must happen."""
    deadline_s = reactor.seconds() + timeout_s
    while not condition():
        if reactor.seconds() > deadline_s:
            raise AssertionError(f"{what} did not happen")
        await task.deferLater(reactor, 0.005)


def refusals_of(node: Node) -> Counter[RefusalReason]:
    return node.observer.refusals()


@implementer(IHandshakeListener)
class ScriptedPeer(Protocol):
    """Speaks what a test makes it speak, over TLS or bare TCP, and keeps what it hears."""

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        self.heard = b""
        self.shaken = False
        self.is_ended = False

    def handshakeCompleted(self) -> None:
        self.shaken = True
        self.transport.write(self.first)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: object) -> None:
        self.is_ended = True


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class AnyConnection:
    """TLS that believes everything."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context
        self.connections: list[SSL.Connection] = []
        self.session: SSL.Session | None = None

    def clientConnectionForTLS(self, _: object) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        if self.session is not None:
            connection.set_session(self.session)
        self.connections.append(connection)
        return connection

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        return self.clientConnectionForTLS(protocol)


def context(
    identity_key: IdentityKey | None,
    *,
    groups: str | None = None,
    highest: int = SSL.TLS1_3_VERSION,
) -> SSL.Context:
    made = SSL.Context(SSL.TLS_METHOD)
    made.set_max_proto_version(highest)
    if identity_key is not None:
        made.use_privatekey(private_key(identity_key))
        made.use_certificate(make_certificate(identity_key))
    made.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    if groups is not None:
        # pyOpenSSL has no public name for this.
        assert SSL._lib.SSL_CTX_set1_curves_list(made._context, groups.encode()) == 1
    return made


STRANGER = IdentityKey(b"stranger".ljust(32, b"-"))


async def connect(address: PeerAddress, peer: ScriptedPeer, made: SSL.Context | AnyConnection | None) -> ScriptedPeer:
    """Connect a scripted peer; with TLS where a context is given."""
    inner = Factory.forProtocol(lambda: peer)
    inner.noisy = False
    creator = AnyConnection(made) if isinstance(made, SSL.Context) else made
    factory = inner if creator is None else TLSMemoryBIOFactory(creator, True, inner)
    await TCP4ClientEndpoint(reactor, address.host, address.port).connect(factory)
    return peer


async def expect_refusal(node: Node, peer: ScriptedPeer, reason: RefusalReason) -> None:
    await until(lambda: sum(refusals_of(node).values()) and peer.is_ended, f"the refusal for {reason}")
    assert refusals_of(node) == Counter({reason: 1})
    assert node.observer.opened() == 0


async def expect_service(world: World, node: Node) -> None:
    """Another peer is served as if nothing had been."""
    number = random.Random(1).getrandbits(32)
    other = world.node("other").dial(node)
    assert other.network.send(node.id, packet_frame(number))
    await until(lambda: number in node.inbox.numbers(), "the other peer's frame")


@pytest_twisted.ensureDeferred
async def test_frames_go_both_ways_in_order(world: World) -> None:
    bob = await world.node("bob").listen()
    alice = world.node("alice").dial(bob)
    await until(lambda: alice.network.is_open(bob.id))
    for number in range(500):
        assert alice.network.send(bob.id, packet_frame(number))
        assert bob.network.send(alice.id, packet_frame(2000 + number))
    await until(lambda: len(alice.inbox.numbers()) == len(bob.inbox.numbers()) == 500)
    assert bob.inbox.numbers() == list(range(500))
    assert alice.inbox.numbers() == list(range(2000, 2500))
    assert {peer for peer, _ in bob.inbox.calls} == {alice.id}
    assert any(len(frames) > 3 for _, frames in bob.inbox.calls)


@pytest_twisted.ensureDeferred
async def test_a_name_is_dialled_as_well_as_an_address(world: World) -> None:
    bob = await world.node("bob").listen()
    alice = world.node("alice")
    alice.network.set_peers({bob.id: PeerAddress("localhost", bob.address.port)})
    await until(lambda: alice.network.is_open(bob.id))


@pytest_twisted.ensureDeferred
async def test_another_key_at_a_peers_address_is_refused(world: World) -> None:
    mallory, bob = await world.node("mallory").listen(), world.node("bob")
    alice = world.node("alice")
    alice.network.set_peers({bob.id: mallory.address})
    await until(lambda: refusals_of(alice)[RefusalReason.WRONG_KEY] and refusals_of(mallory))
    alice.network.set_peers({})
    assert alice.observer.opened() == mallory.observer.opened() == 0
    assert set(refusals_of(alice)) == {RefusalReason.WRONG_KEY}


@pytest_twisted.ensureDeferred
async def test_a_peer_with_an_unknown_key_is_refused(world: World) -> None:
    alice = world.node("alice")
    bob = await world.node("bob", admitted={alice.id}).listen()
    mallory = world.node("mallory").dial(bob)
    await until(lambda: refusals_of(bob)[RefusalReason.UNKNOWN_KEY] and refusals_of(mallory))
    alice.dial(bob)
    await until(lambda: bob.network.is_open(alice.id))
    assert set(refusals_of(mallory)) == {RefusalReason.REFUSED_BY_PEER}
    assert not bob.network.is_open(mallory.id)
    assert mallory.observer.opened() == 0


@pytest_twisted.ensureDeferred
async def test_a_peer_without_a_certificate_is_refused(world: World) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(bob.address, ScriptedPeer(FORMAT.encode(HELLO)), context(None))
    await expect_refusal(bob, peer, RefusalReason.UNKNOWN_KEY)
    await expect_service(world, bob)


@pytest_twisted.ensureDeferred
async def test_a_peer_that_speaks_tls_12_only_is_refused(world: World) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(bob.address, ScriptedPeer(), context(STRANGER, highest=SSL.TLS1_2_VERSION))
    await expect_refusal(bob, peer, RefusalReason.NOT_TLS13)
    await expect_service(world, bob)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("groups", ["X25519", "P-256", "X25519:P-256:P-384"])
async def test_a_peer_without_post_quantum_key_exchange_is_refused(world: World, groups: str) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(bob.address, ScriptedPeer(FORMAT.encode(HELLO)), context(STRANGER, groups=groups))
    await expect_refusal(bob, peer, RefusalReason.NOT_POST_QUANTUM)
    await expect_service(world, bob)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"groups": "X25519"}, RefusalReason.NOT_POST_QUANTUM),
        ({"groups": "P-256"}, RefusalReason.NOT_POST_QUANTUM),
        ({"highest": SSL.TLS1_2_VERSION}, RefusalReason.NOT_TLS13),
    ],
)
async def test_a_listener_that_is_not_up_to_it_is_refused(
    world: World, options: dict[str, object], reason: RefusalReason
) -> None:
    peers: list[ScriptedPeer] = []

    def answer() -> ScriptedPeer:
        peers.append(ScriptedPeer(FORMAT.encode(HELLO)))
        return peers[-1]

    inner = Factory.forProtocol(answer)
    inner.noisy = False
    factory = TLSMemoryBIOFactory(AnyConnection(context(STRANGER, **options)), False, inner)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    alice = world.node("alice")
    alice.network.set_peers({STRANGER.public: PeerAddress("127.0.0.1", port.getHost().port)})
    await until(lambda: refusals_of(alice)[reason])
    alice.network.set_peers({})
    assert set(refusals_of(alice)) == {reason}
    assert alice.observer.opened() == 0
    await port.stopListening()
    await until(lambda: all(peer.is_ended for peer in peers))


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (msgspec.structs.replace(HELLO, version=WIRE_VERSION - 1), RefusalReason.OLD_PROTOCOL),
        (msgspec.structs.replace(HELLO, network_id=b"another network!"), RefusalReason.OTHER_NETWORK),
        (msgspec.structs.replace(HELLO, geometry_digest=bytes(16)), RefusalReason.OTHER_NETWORK),
    ],
)
async def test_a_peer_that_speaks_something_else_is_refused(world: World, hello: Hello, reason: RefusalReason) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(bob.address, ScriptedPeer(FORMAT.encode(hello)), make_context_believing(STRANGER))
    await expect_refusal(bob, peer, reason)
    assert peer.heard == b""
    await expect_service(world, bob)


def make_context_believing(identity_key: IdentityKey) -> SSL.Context:
    """The context of a proper node, but believing any certificate."""
    made = make_context(identity_key)
    made.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    return made


@pytest_twisted.ensureDeferred
async def test_a_proper_hello_from_an_independent_peer_opens_a_link(world: World) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(
        bob.address, ScriptedPeer(FORMAT.encode(HELLO) + packet_frame(5)), make_context_believing(STRANGER)
    )
    await until(lambda: bob.inbox.numbers() == [5] and len(peer.heard) == FORMAT.frame_bytes)
    assert FORMAT.decode(peer.heard) == HELLO
    assert bob.network.send(STRANGER.public, packet_frame(6))
    await until(lambda: len(peer.heard) == 2 * FORMAT.frame_bytes)
    assert number_of(peer.heard[FORMAT.frame_bytes :]) == 6


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL X509:DeprecationWarning")  # `cryptography` makes no such object
@pytest_twisted.ensureDeferred
async def test_a_certificate_of_another_version_is_no_defect(world: World) -> None:
    bob = await world.node("bob").listen()
    context = make_context_believing(STRANGER)
    context.use_certificate(certificate_of_version(1, STRANGER))
    peer = await connect(bob.address, ScriptedPeer(FORMAT.encode(HELLO)), context)
    await until(lambda: len(peer.heard) == FORMAT.frame_bytes)
    assert bob.network.is_open(STRANGER.public)


@pytest_twisted.ensureDeferred
async def test_garbage_instead_of_tls_is_refused(world: World) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(bob.address, ScriptedPeer(), None)
    peer.transport.write(random.Random(2).randbytes(100_000))
    await expect_refusal(bob, peer, RefusalReason.TLS_FAILED)
    await expect_service(world, bob)


@pytest_twisted.ensureDeferred
async def test_garbage_instead_of_a_hello_is_refused(world: World) -> None:
    bob = await world.node("bob").listen()
    noise = random.Random(3).randbytes(10_000)
    peer = await connect(bob.address, ScriptedPeer(noise), make_context_believing(STRANGER))
    await expect_refusal(bob, peer, RefusalReason.GARBAGE)
    await expect_service(world, bob)


@pytest_twisted.ensureDeferred
async def test_garbage_after_the_hello_ends_the_link_and_no_other(world: World) -> None:
    bob = await world.node("bob").listen()
    alice = world.node("alice").dial(bob)
    await until(lambda: bob.network.is_open(alice.id))
    noise = random.Random(4).randbytes(3_000_000)
    peer = await connect(bob.address, ScriptedPeer(FORMAT.encode(HELLO) + noise), make_context_believing(STRANGER))
    for number in range(500):
        assert alice.network.send(bob.id, packet_frame(number))
    await until(lambda: peer.is_ended and len(bob.inbox.numbers()) == 500)
    assert bob.inbox.numbers() == list(range(500))
    assert refusals_of(bob) == Counter({RefusalReason.GARBAGE: 1})
    assert bob.network.is_open(alice.id)
    assert not bob.network.is_open(STRANGER.public)


@pytest_twisted.ensureDeferred
async def test_a_frame_cut_short_is_never_received(world: World) -> None:
    bob = await world.node("bob").listen()
    peer = await connect(
        bob.address,
        ScriptedPeer(FORMAT.encode(HELLO) + packet_frame(1) + packet_frame(2)[:-1]),
        make_context_believing(STRANGER),
    )
    await until(lambda: bob.inbox.numbers() == [1])
    peer.transport.loseConnection()
    await until(lambda: bob.observer.closed() == 1)
    assert bob.inbox.numbers() == [1]
    assert refusals_of(bob) == Counter()


@pytest_twisted.ensureDeferred
async def test_slow_peers_are_ended_in_time(world: World) -> None:
    bob = await world.node("bob", limits=quick_limits(handshake_timeout_s=0.3, hello_timeout_s=0.3)).listen()
    silent = await connect(bob.address, ScriptedPeer(), None)
    hesitant = await connect(bob.address, ScriptedPeer(FORMAT.encode(HELLO)[:60]), make_context_believing(STRANGER))
    drip = task.LoopingCall(lambda: silent.transport.write(b"\x16"))
    drip.start(0.05)
    await until(lambda: hesitant.is_ended and sum(refusals_of(bob).values()) == 2)
    drip.stop()
    await until(lambda: silent.is_ended)
    assert refusals_of(bob)[RefusalReason.TIMEOUT] >= 1
    assert set(refusals_of(bob)) <= {RefusalReason.TIMEOUT, RefusalReason.TLS_FAILED}
    await expect_service(world, bob)


def quick_limits(**changes: float) -> LinkLimits:
    return LinkLimits(**{"backoff_first_s": 0.05, "backoff_longest_s": 0.2, **changes})


@pytest_twisted.ensureDeferred
async def test_nothing_is_ever_resumed(world: World) -> None:
    """A peer that offers the session of its first link goes through a full handshake again."""
    bob = await world.node("bob").listen()
    creator = AnyConnection(make_context_believing(STRANGER))
    for _ in range(2):
        peer = await connect(bob.address, ScriptedPeer(FORMAT.encode(HELLO)), creator)
        await until(lambda peer=peer: len(peer.heard) == FORMAT.frame_bytes)
        creator.session = creator.connections[-1].get_session()
        assert creator.session is not None
    assert [SSL._lib.SSL_session_reused(connection._ssl) for connection in creator.connections] == [0, 0]


@pytest_twisted.ensureDeferred
async def test_a_peer_that_does_not_read_costs_its_own_frames_only(world: World) -> None:
    limits = quick_limits(incoming_queue_frames=100)
    alice = world.node("alice", limits=limits)
    bob = await world.node("bob").listen()
    deaf = await connect_deaf(world, alice)
    alice.dial(bob)
    await until(lambda: alice.network.is_open(bob.id))
    taken = 0
    for number in range(6000):
        taken += alice.network.send(STRANGER.public, packet_frame(number))
        assert alice.network.send(bob.id, packet_frame(number))
        if number % 50 == 49:
            await until(lambda sent=number + 1: bob.inbox.count == sent)
    assert bob.inbox.numbers() == list(range(6000))
    assert alice.observer.drops() == Counter({DropReason.QUEUE_FULL: 6000 - taken})
    assert 100 < taken < 6000
    deaf.transport.resumeProducing()
    await until(lambda: len(deaf.heard) == (1 + taken) * FORMAT.frame_bytes)
    numbers = [
        number_of(deaf.heard[start : start + FORMAT.frame_bytes])
        for start in range(FORMAT.frame_bytes, len(deaf.heard), FORMAT.frame_bytes)
    ]
    assert numbers == sorted(numbers)
    assert len(numbers) == taken


async def connect_deaf(world: World, node: Node) -> ScriptedPeer:
    await node.listen()
    peer = await connect(node.address, ScriptedPeer(FORMAT.encode(HELLO)), make_context_believing(STRANGER))
    await until(lambda: len(peer.heard) == FORMAT.frame_bytes)
    peer.transport.pauseProducing()
    return peer


@pytest_twisted.ensureDeferred
async def test_too_many_connections_from_one_address_are_refused(world: World) -> None:
    bob = await world.node("bob", limits=quick_limits(max_opening_links_per_address=3)).listen()
    peers = [await connect(bob.address, ScriptedPeer(), None) for _ in range(5)]
    await until(lambda: sum(peer.is_ended for peer in peers) == 2)
    assert refusals_of(bob) == Counter({RefusalReason.TOO_MANY_LINKS: 2})
    for peer in peers:
        peer.transport.abortConnection()
    await until(lambda: all(peer.is_ended for peer in peers))
    await expect_service(world, bob)


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_or_an_address_that_is_not_ours_is_one_clear_line(world: World) -> None:
    bob = await world.node("bob").listen()
    for host, port in [
        ("127.0.0.1", bob.address.port),
        ("192.0.2.1", 9999),
        ("127.0.0.1", 70_000),
        ("no such host", 9999),
        ("no\0host", 9999),
    ]:
        with pytest.raises(ListenError) as caught:
            await world.node("carol").network.listen(host, port)
        line = str(caught.value)
        assert line.startswith("cannot listen on ")
        assert f":{port}: " in line
        assert line.isprintable()


PEER_PROGRAM = """
import random, sys
from twisted.internet import reactor
sys.path[:0] = sys.argv[3:]
from tests.worlds.networks.links import FORMAT, NETWORK_ID, RecordingObserver
from loopixmix.keys import IdentityKey
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import TcpSockets
from loopixmix.net.links.tls import LinkLimits, TlsNetwork
from loopixmix.wire import LinkRole

network = TlsNetwork(
    identity_key=IdentityKey(sys.argv[1].encode().ljust(32, b"-")), network_id=NETWORK_ID,
    reception=Reception(FORMAT, own=LinkRole.MIX, role_of=lambda peer: LinkRole.MIX),
    limits=LinkLimits(), sockets=TcpSockets(reactor), clock=reactor,
    rng=random.SystemRandom(), observer=RecordingObserver(),
)
network.start(
    lambda peer, packets, others: [network.send(peer, FORMAT.packet_frame(packet)) for packet in packets]
)
network.listen("127.0.0.1", int(sys.argv[2])).addCallback(lambda address: print(address.port, flush=True))
reactor.run()
"""


class PeerProcess(ProcessProtocol):
    """A node in a process of its own that sends every frame back."""

    def __init__(self) -> None:
        self.port = 0
        self.ended = False

    def outReceived(self, data: bytes) -> None:
        self.port = int(data)

    def processEnded(self, reason: object) -> None:
        self.ended = True


async def start_peer(name: str, port: int) -> PeerProcess:
    process = PeerProcess()
    here = Path(__file__).parents[1]
    arguments = [sys.executable, "-c", PEER_PROGRAM, name, str(port), str(here / "worlds"), str(here.parent)]
    reactor.spawnProcess(process, sys.executable, arguments, env=None)
    await until(lambda: process.port, "the peer process", timeout_s=20.0)
    return process


@pytest_twisted.ensureDeferred
async def test_a_peer_that_is_killed_and_started_again_is_linked_again(world: World) -> None:
    peer = IdentityKey(b"peer".ljust(32, b"-"))
    process = await start_peer("peer", 0)
    alice = world.node("alice")
    alice.network.set_peers({peer.public: PeerAddress("127.0.0.1", process.port)})
    assert alice.network.send(peer.public, packet_frame(1))
    await until(lambda: alice.inbox.numbers() == [1])
    process.transport.signalProcess("KILL")
    await until(lambda: process.ended and not alice.network.is_open(peer.public))
    assert alice.observer.closed() == 1
    again = await start_peer("peer", process.port)
    await until(lambda: alice.network.is_open(peer.public))
    assert alice.network.send(peer.public, packet_frame(2))
    await until(lambda: alice.inbox.numbers() == [1, 2])
    again.transport.signalProcess("KILL")
    await until(lambda: again.ended)


@pytest.fixture
def openssl(tmp_path: Path) -> list[str]:
    """The system's openssl with a proper certificate, if it is too old for a post-quantum key exchange."""
    program = shutil.which("openssl")
    assert program is not None
    probe = subprocess.run(
        [program, "s_client", "-groups", "X25519MLKEM768", "-help"], capture_output=True, text=True, check=False
    )
    listed = subprocess.run([program, "list", "-kem-algorithms"], capture_output=True, text=True, check=False)
    if "MLKEM" in listed.stdout + probe.stderr.replace("X25519MLKEM768", ""):
        pytest.skip("this openssl speaks post-quantum key exchange")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(
        private_key(STRANGER).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate.write_bytes(make_certificate(STRANGER).public_bytes(serialization.Encoding.PEM))
    return [program, "-key", str(key), "-cert", str(certificate)]


class Silent(ProcessProtocol):
    """A program that runs until it ends."""

    def __init__(self) -> None:
        self.ended = False

    def processEnded(self, reason: object) -> None:
        self.ended = True


@pytest.mark.needs("openssl")
@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("option", "reason"),
    [("-tls1_3", RefusalReason.NOT_POST_QUANTUM), ("-tls1_2", RefusalReason.NOT_TLS13)],
)
async def test_another_implementation_without_post_quantum_exchange_is_refused(
    world: World, openssl: list[str], option: str, reason: RefusalReason
) -> None:
    bob = await world.node("bob").listen()
    program, *certificate = openssl
    process = Silent()
    arguments = [program, "s_client", "-connect", str(bob.address), option, *certificate]
    reactor.spawnProcess(process, program, arguments, env=None)
    await until(lambda: refusals_of(bob) and process.ended)
    assert refusals_of(bob) == Counter({reason: 1})
    await expect_service(world, bob)

"""A process that makes client processes quickly, to be killed at any instant.

It imports everything once and forks a client for each line `start NAME` on its input, answering with the process id.
A client is whole: its own reactor, its store in a file, its worker thread; only its link is plain TCP instead of TLS.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import struct
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from client.api import ReceivedMessage
from client.core.sealing import HpkeSealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys, create_keys, load_keys
from client.link.floors import Acceptance
from client.running.service import ClientService
from client.running.wiring import build_client
from client.store import ClientStore
from loopixmix.directory import Document, NodeEntry
from loopixmix.net.network import FramesReceived
from loopixmix.net.reception import Reception
from loopixmix.seams import Clock, Fact, Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.store.access import ordered_access
from loopixmix.wire import FrameFormat, LinkRole

LENGTH = struct.Struct(">I")
MESSAGES = 30


class Plan(msgspec.Struct):
    """What a client process needs to know."""

    directory: str
    document: bytes
    ports: dict[str, int]
    account: str
    contact: str
    sends: bool


def body_of(number: int) -> bytes:
    """Return the body of a message: a few fragments, one, or many."""
    generator = random.Random(number)
    return b"%d:" % number + generator.randbytes(generator.choice((10, 900, 5000, 20_000)))


class Frames(Protocol):
    """Frames behind their length; the first one names who we are."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.buffer = b""

    def connectionMade(self) -> None:
        self.write(self.wire.identity)
        self.wire.connection = self

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= 4 and len(self.buffer) >= 4 + LENGTH.unpack_from(self.buffer)[0]:
            end = 4 + LENGTH.unpack_from(self.buffer)[0]
            frame, self.buffer = self.buffer[4:end], self.buffer[end:]
            self.wire.arrived(frame)

    def write(self, frame: bytes) -> None:
        transport = self.transport
        if transport is not None:
            transport.write(LENGTH.pack(len(frame)) + frame)

    def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # type: ignore[no-untyped-call] # noqa: B008
        from twisted.internet import reactor

        self.wire.connection = None
        reactor.stop()


class Wire:
    """The network seam and the provider's link, over one TCP connection."""

    def __init__(self, identity: Identity, ports: dict[str, int]) -> None:
        self.identity = identity
        self.ports = ports
        self.provider = b""
        self.connection: Frames | None = None
        self.received: FramesReceived | None = None
        self.reception: Reception | None = None

    def start(self, received: FramesReceived) -> None:
        self.received = received

    def send(self, peer: Identity, frame: bytes) -> bool:
        if self.connection is None:
            return False
        self.connection.write(frame)
        return True

    def adopt(self, frames: FrameFormat) -> None:
        self.reception = Reception(frames, own=LinkRole.CLIENT, role_of=lambda _: LinkRole.PROVIDER)

    def arrived(self, frame: bytes) -> None:
        if self.received is not None and self.reception is not None:
            self.received(self.provider, *self.reception.sort(self.provider, [frame]))

    def connect(self, provider: NodeEntry) -> None:
        from twisted.internet import reactor

        if self.provider != provider.id:
            self.provider = provider.id
            reactor.connectTCP("127.0.0.1", self.ports[provider.name], Dialler(self))

    def let_read(self, provider: Identity, reads: bool) -> None:
        """Read on: what comes over these wires is taken as it comes."""

    def is_open(self, provider: Identity) -> bool:
        return self.connection is not None and provider == self.provider

    def problem(self, provider: Identity) -> str | None:
        return None


class Dialler(ClientFactory):
    """Makes the one connection."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def buildProtocol(self, addr: object) -> Frames:
        return Frames(self.wire)


class Nobody:
    """An observer that does not look."""

    def observe(self, fact: Fact, /) -> None:
        pass


class Application:
    """What uses the client: sends the same messages again after each start, notes what it handled."""

    def __init__(self, client: ClientService, plan: Plan) -> None:
        self.client = client
        self.plan = plan
        self.log = (Path(plan.directory) / "application.log").open("ab", buffering=0)

    def note(self, line: str) -> None:
        self.log.write(line.encode() + b"\n")

    async def run(self) -> None:
        name, provider = self.plan.account.split("@")
        await self.client.register(name, provider)
        self.note("registered")
        if not any(contact.address == self.plan.contact for contact in await self.client.contacts()):
            await self.client.add_contact(self.plan.contact)
        self.note("ready")
        if not self.plan.sends:
            self.client.on_received("text", self.handle)
            return
        for number in range(MESSAGES):
            message_id = await self.client.send(
                self.plan.contact, body_of(number), kind="text", idempotency_key=f"message {number}"
            )
            self.note(f"sent {number} {message_id}")

    async def handle(self, message: ReceivedMessage) -> None:
        self.note(f"handled {message.number} {hashlib.sha256(message.body).hexdigest()}")


def keys_in(directory: Path) -> ClientKeys:
    return (
        load_keys(directory) if (directory / "identity.key").exists() else create_keys(directory, random.SystemRandom())
    )


def run_client(plan: Plan) -> None:
    from twisted.internet import reactor

    directory = Path(plan.directory)
    keys = keys_in(directory)
    wire = Wire(keys.identity_key.public, plan.ports)
    client = build_client(
        keys=keys,
        acceptance=Acceptance.ANY,
        settings=ClientSettings(longest_retry_s=2.0),
        access=ordered_access(
            ClientStore(directory / "client.db"),
            waiting="everything",
            call_on_reactor=cast(IReactorFromThreads, reactor).callFromThread,
        ),
        sealer=HpkeSealer(keys.sealing),
        network=wire,
        link=wire,
        clock=cast(Clock, reactor),
        monotonic=time.monotonic,
        rng=random.SystemRandom(),
        arithmetic=load_arithmetic(),
        observer=Nobody(),
    )
    application = Application(client, plan)

    def failed(failure: Failure) -> None:
        application.note(f"failed {failure.getErrorMessage()}")

    def begin() -> None:
        client.start()
        client.adopt(msgspec.msgpack.decode(plan.document, type=Document))
        Deferred.fromCoroutine(application.run()).addErrback(failed)

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)


def serve(plans: Sequence[str]) -> None:
    """Fork a client for each line of input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    by_name = {Path(path).stem: msgspec.msgpack.decode(Path(path).read_bytes(), type=Plan) for path in plans}
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid:
            print(pid, flush=True)
            continue
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            run_client(by_name[line.split()[1]])
        except BaseException:
            traceback.print_exc()
        os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1:])

"""The local API over real loopback sockets."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from client.api import MAX_BODY_BYTES, MessageState, NotRunningError, ReceivedMessage
from client.http.endpoint import LOCK_FILE, find_endpoint
from client.http.serving.server import ApiServer
from client.remote import RemoteClient, remote_client
from client.testing import FakeClient, FakeNetwork
from loopixmix.errors import ListenError
from loopixmix.net.sockets import TcpSockets
from loopixmix.process.files import DirectoryLock
from tests.worlds.clients.contract import ALICE, BOB, Reader


class Daemon:
    """A fake client behind a real server, and a remote client of it."""

    def __init__(self, directory: Path, client: FakeClient) -> None:
        directory.mkdir()
        self.directory = directory
        self.lock = DirectoryLock(directory / LOCK_FILE)
        self.lock.acquire()
        self.client = client
        self.server = self.make_server(0)
        self.server.start()
        self.remote: RemoteClient = remote_client(directory, reactor=reactor, rng=random.Random(1))

    def make_server(self, port: int) -> ApiServer:
        return ApiServer(
            self.client,
            directory=self.directory,
            port=port,
            sockets=TcpSockets(reactor),
            clock=reactor,
            rng=random.Random(2),
        )


class Daemons:
    """Alice's and Bob's, who know each other, on a network without much delay."""

    def __init__(self, directory: Path) -> None:
        self.network = FakeNetwork(clock=reactor, rng=random.Random(3), delay_s=0.05)
        self.alice = Daemon(directory / "alice", self.network.client(ALICE))
        self.bob = Daemon(directory / "bob", self.network.client(BOB))

    async def stop(self) -> None:
        for daemon in (self.alice, self.bob):
            daemon.remote.close()
            await daemon.server.stop()
            daemon.lock.release()
        self.network.stop()


@pytest_twisted.async_yield_fixture
async def daemons(tmp_path: Path) -> AsyncIterator[Daemons]:
    made = Daemons(tmp_path)
    await made.alice.remote.add_contact(BOB)
    await made.bob.remote.add_contact(ALICE)
    yield made
    await made.stop()


async def pause(seconds: float) -> None:
    await task.deferLater(reactor, seconds, lambda: None)


async def until_true(condition: object, *, within_s: float = 10) -> None:
    for _ in range(int(within_s / 0.02)):
        if condition():
            return
        await pause(0.02)
    raise AssertionError("it did not happen in time")


@pytest_twisted.ensureDeferred
async def test_a_conversation_over_sockets(daemons: Daemons) -> None:
    reader = Reader()
    daemons.bob.remote.on_received("text", reader)
    message_id = await daemons.alice.remote.send(BOB, b"hello", kind="text", idempotency_key="1")
    await until_true(lambda: reader.bodies == [b"hello"])
    assert (await daemons.alice.remote.message(message_id)).state is MessageState.STORED
    await daemons.bob.server.stop()
    with pytest.raises(NotRunningError):
        await daemons.bob.remote.status()
    await daemons.alice.remote.send(BOB, b"again", kind="text", idempotency_key="2")
    daemons.bob.server = daemons.bob.make_server(0)
    daemons.bob.server.start()
    await until_true(lambda: reader.bodies == [b"hello", b"again"])


@pytest_twisted.ensureDeferred
async def test_a_large_message_blocks_nobody(daemons: Daemons) -> None:
    body = random.Random(4).randbytes(MAX_BODY_BYTES)
    received: list[ReceivedMessage] = []
    daemons.bob.remote.on_received("file", received.append)
    uploads = [
        Deferred.fromCoroutine(daemons.alice.remote.send(BOB, body, kind="file", idempotency_key=str(number)))
        for number in range(3)
    ]
    waits_s: list[float] = []
    while len(received) < 3:
        begin_s = reactor.seconds()
        await daemons.alice.remote.status()
        waits_s.append(reactor.seconds() - begin_s)
        await pause(0.01)
    for upload in uploads:
        await upload
    assert all(message.body == body for message in received)
    # On one thread with both ends and 60 MB moved, an answer may wait for one copy of a body, not for all of them.
    assert len(waits_s) >= 5
    assert max(waits_s) < 1.0


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_told_in_one_line(daemons: Daemons) -> None:
    port = int(find_endpoint(daemons.alice.directory).url.rpartition(":")[2])
    with pytest.raises(ListenError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: .*in use$"):
        daemons.bob.make_server(port).start()


class Deaf(Protocol):
    """Asks for events and never reads."""

    def connectionMade(self) -> None:
        self.transport.pauseProducing()


class CountingClient(FakeClient):
    """Remembers how far its inbox was read."""

    read_after = 0

    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        self.read_after = max(self.read_after, after)
        return await super().inbox(after=after, limit=limit)


@pytest_twisted.ensureDeferred
async def test_a_reader_that_never_reads_costs_no_memory(daemons: Daemons, tmp_path: Path) -> None:
    count, network = 400, daemons.network
    carol = CountingClient(network, max_queued=count)
    network.open_account(carol, "carol", "home", "")
    daemon = Daemon(tmp_path / "carol", carol)
    await daemons.alice.remote.add_contact("carol@home")
    for number in range(count):
        await daemons.alice.client.send("carol@home", bytes(60_000), kind="text", idempotency_key=str(number))
    while (await carol.newest()).received < count:
        await pause(0.02)
    endpoint = find_endpoint(daemon.directory)
    port = int(endpoint.url.rpartition(":")[2])
    deaf = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Factory.forProtocol(Deaf))
    deaf.transport.write(
        f"GET /v1/events?after=0-0 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {endpoint.token}\r\n\r\n".encode()
    )
    await pause(0.5)
    assert 0 < carol.read_after < count
    deaf.transport.abortConnection()
    await daemon.server.stop()

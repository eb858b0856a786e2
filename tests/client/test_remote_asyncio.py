"""The client on asyncio: the same contract as its twin, and what only a remote one can meet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from client.api import Client, ForbiddenError, NotRunningError, ReceivedMessage
from client.core.journal import JournalledClient
from client.http.endpoint import LOCK_FILE, Endpoint, find_endpoint
from client.http.serving.server import ApiServer
from client.remote_asyncio import AsyncioClient
from loopixmix.process.files import DirectoryLock
from tests.worlds.clients.callbacks import CallbackContract, EventContract
from tests.worlds.clients.contract import ALICE, BOB, ClientContract, Reader, run_with, send
from tests.worlds.clients.fakes import FakeWorld
from tests.worlds.clients.memory_httpx import ClockedClient, go_round, memory_http
from tests.worlds.clients.memory_web import MemoryWeb
from tests.worlds.clients.refusals import RefusalContract

T = TypeVar("T")


class AsyncioWorld:
    """Each fake client of a `FakeWorld` has a daemon's HTTP interface; the programs are on asyncio, all in memory."""

    def __init__(self, root: Path) -> None:
        self.fake = FakeWorld()
        self.clock = self.fake.clock
        self.web = MemoryWeb(self.clock)
        self.rng = random.Random(2)
        self.loop = asyncio.new_event_loop()
        self.root = root
        self.servers: dict[str, ApiServer] = {}
        self.remotes: list[AsyncioClient] = []
        self.locks: list[DirectoryLock] = []
        for name, client in (("alice", self.fake.alice), ("bob", self.fake.bob), ("stranger", self.fake.stranger)):
            (root / name).mkdir()
            self.locks.append(DirectoryLock(root / name / LOCK_FILE))
            self.locks[-1].acquire()
            self.start(name, client)
        self.alice, self.bob, self.stranger = (self.remote(name) for name in ("alice", "bob", "stranger"))

    def start(self, name: str, client: JournalledClient, *, port: int = 0) -> None:
        server = ApiServer(
            client, directory=self.root / name, port=port, sockets=self.web, clock=self.clock, rng=self.rng
        )
        server.start()
        self.servers[name] = server

    def remote(self, name: str, *, token: str = "") -> AsyncioClient:
        def find() -> Endpoint:
            found = find_endpoint(self.root / name)
            return Endpoint(found.url, token) if token else found

        remote = ClockedClient(self.loop, self.clock, http=memory_http(self.web), find_endpoint=find, rng=self.rng)
        self.remotes.append(remote)
        return remote

    def run(self, awaitable: Awaitable[T]) -> T:
        async def wait() -> T:
            return await awaitable

        task = self.loop.create_task(wait())
        for _ in range(400):
            go_round(self.loop)
            if task.done():
                break
            self.clock.advance(0.5)
        return task.result()

    def pass_time(self) -> None:
        for _ in range(20):
            self.clock.advance(0.25)
            go_round(self.loop)

    def now_s(self) -> float:
        return self.clock.seconds()

    def restart_alice(self, meanwhile: Callable[[], object]) -> None:
        self.stop_server("alice")
        self.pass_time()
        meanwhile()
        self.start("alice", self.fake.alice)

    def change_key_of_bob(self) -> None:
        self.fake.change_key_of_bob()

    def name_domain(self, domain: str, provider: str, gateway: str = "") -> None:
        self.fake.name_domain(domain, provider, gateway)

    def forget_domain(self, domain: str) -> None:
        self.fake.forget_domain(domain)

    def stop_server(self, name: str) -> None:
        run_with(self.servers[name].stop(), lambda: self.clock.advance(0.5))

    def stop(self) -> None:
        for remote in self.remotes:
            self.run(remote.close())
        for name in self.servers:
            self.stop_server(name)
        self.fake.network.stop()
        self.clock.advance(0)
        for lock in self.locks:
            lock.release()
        left = asyncio.all_tasks(self.loop)
        self.loop.close()
        assert left == set()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AsyncioWorld]:
    remote = AsyncioWorld(tmp_path)
    yield remote
    remote.stop()
    assert remote.clock.getDelayedCalls() == []


class TestAsyncioClient(ClientContract, RefusalContract, CallbackContract, EventContract):
    """The contracts."""


def acquaint(world: AsyncioWorld) -> None:
    world.run(world.alice.add_contact(BOB))
    world.run(world.bob.add_contact(ALICE))


def test_it_is_a_client(world: AsyncioWorld) -> None:
    client: Client = world.alice
    assert client


def test_a_daemon_that_is_not_there_is_told_so(world: AsyncioWorld) -> None:
    world.stop_server("alice")
    with pytest.raises(NotRunningError, match="not running"):
        world.run(world.alice.status())


def test_a_wrong_token_is_refused(world: AsyncioWorld) -> None:
    wrong = world.remote("alice", token="00" * 32)
    with pytest.raises(ForbiddenError, match="bearer token"):
        world.run(wrong.status())


def test_callbacks_live_through_a_restart_of_the_daemon(world: AsyncioWorld) -> None:
    acquaint(world)
    reader = Reader()
    world.bob.on_received("text", reader)
    send(world, b"before", key="1")
    world.pass_time()
    world.stop_server("bob")
    send(world, b"meanwhile", key="2")
    world.pass_time()
    assert reader.bodies == [b"before"]
    world.start("bob", world.fake.bob)
    for _ in range(4):
        world.pass_time()
    assert reader.bodies == [b"before", b"meanwhile"]


def test_a_connection_that_the_daemon_ended_costs_one_more_attempt(world: AsyncioWorld) -> None:
    port = int((world.root / "alice" / "api.url").read_text().rpartition(":")[2])
    assert world.run(world.alice.status()).address == ALICE
    before = len(world.web.connections)
    assert world.run(world.alice.status()).address == ALICE
    assert len(world.web.connections) == before  # the connection was kept
    world.stop_server("alice")
    world.start("alice", world.fake.alice, port=port)
    assert world.run(world.alice.status()).address == ALICE


def test_only_a_call_that_may_be_made_twice_is(world: AsyncioWorld) -> None:
    def break_next() -> None:
        for _, end in world.web.connections:
            end.protocol.dataReceived = lambda data, end=end: end.loseConnection()  # type: ignore[method-assign]

    world.run(world.alice.status())
    break_next()
    assert world.run(world.alice.status()).address == ALICE
    break_next()
    with pytest.raises(NotRunningError, match="went away before it answered"):
        world.run(world.alice.request("echo", b"x", timeout_s=5))
    assert world.run(world.alice.request("echo", b"x", timeout_s=60)) == b"x"


def test_a_stopped_callback_finishes_the_message_it_has(world: AsyncioWorld) -> None:
    acquaint(world)
    bodies: list[bytes] = []

    async def read(message: ReceivedMessage) -> None:
        stop()
        await asyncio.sleep(0)
        bodies.append(message.body)

    stop = world.bob.on_received("text", read)
    send(world, b"one", key="1")
    send(world, b"two", key="2")
    world.pass_time()
    assert bodies == [b"one"]
    assert world.run(world.bob.status()).unread == 1


def test_a_callback_may_close_the_client_and_what_it_handled_is_settled(world: AsyncioWorld) -> None:
    acquaint(world)
    closed: list[bool] = []

    async def read(message: ReceivedMessage) -> None:
        await world.bob.close()
        closed.append(True)

    world.bob.on_received("text", read)
    send(world, b"one", key="1")
    for _ in range(2):
        world.pass_time()
    assert closed == [True]
    assert world.run(world.fake.bob.status()).unread == 0
    assert world.bob._http.is_closed


def test_nobody_waits_for_what_a_closed_client_would_follow(world: AsyncioWorld) -> None:
    world.stop_server("alice")
    following = world.alice.on_progress(lambda event: None)
    waiting: list[object] = []

    async def wait() -> None:
        waiting.append(await following)

    async def close() -> None:
        waiter = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        assert waiting == []
        await world.alice.close()
        await waiter

    world.run(close())
    assert waiting == [following]

"""Programs in other languages on the local API: those of docs/examples/programs, over real sockets."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor, task
from twisted.internet.protocol import Factory, Protocol

from client.http.endpoint import LOCK_FILE
from client.http.serving.server import ApiServer
from client.testing import FakeClient, FakeNetwork
from loopixmix.net.sockets import TcpSockets
from loopixmix.process.files import DirectoryLock
from tests.worlds.clients.contract import ALICE, BOB, Reader

PROGRAMS = Path(__file__).parents[2] / "docs" / "examples" / "programs"
LONG_BODY = random.Random(1).randbytes(70_000)
"""Too long to stand in an event: a program has to fetch it."""
BODIES = [b"", b"hello", "größer \u2028 \N{SNOWMAN}\n\n".encode(), bytes(range(256)), LONG_BODY]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in Go, compiled."""
    program = tmp_path_factory.mktemp("go") / "fingerprint"
    build = ["go", "build", "-o", str(program), "fingerprint.go"]
    done = subprocess.run(
        build, cwd=PROGRAMS, env=os.environ | {"GOTOOLCHAIN": "local"}, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    return program


@pytest.fixture
def command(request: pytest.FixtureRequest) -> list[str]:
    """What starts the program of the language that the test names."""
    match request.param:
        case "go":
            return [str(request.getfixturevalue("built"))]
        case "node":
            return ["node", str(PROGRAMS / "fingerprint.mjs")]
        case "curl":
            return ["sh", str(PROGRAMS / "fingerprint.sh")]
    raise AssertionError(request.param)


class Proxy(Protocol):
    """Counts who comes."""

    def connectionMade(self) -> None:
        self.factory.visits += 1
        self.transport.abortConnection()


class World:
    """Alice asks, and a program answers for Bob, at a real local API."""

    def __init__(self, directory: Path) -> None:
        self.network = FakeNetwork(clock=reactor, rng=random.Random(3), delay_s=0.05)
        self.alice = self.network.client(ALICE)
        self.bob: FakeClient = self.network.client(BOB)
        self.directory = directory / "bob"
        self.directory.mkdir()
        # As the daemon of a client does: programs show the token only if somebody has the lock.
        self.lock = DirectoryLock(self.directory / LOCK_FILE)
        self.lock.acquire()
        self.server = self.make_server()
        self.proxy = Factory.forProtocol(Proxy)
        self.proxy.visits = 0
        self.listening = reactor.listenTCP(0, self.proxy, interface="127.0.0.1")
        self._log = (directory / "program.log").open("wb")
        self.programs: list[subprocess.Popen[bytes]] = []

    def make_server(self) -> ApiServer:
        server = ApiServer(
            self.bob,
            directory=self.directory,
            port=0,
            sockets=TcpSockets(reactor),
            clock=reactor,
            rng=random.Random(2),
        )
        server.start()
        return server

    def start_program(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a program as a user would whose environment names a proxy for everything."""
        proxy = f"http://127.0.0.1:{self.listening.getHost().port}"
        named = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"), proxy)
        kept = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
        # A session of its own, so that the whole of a pipeline ends with it.
        program = subprocess.Popen(
            [*command, str(self.directory)],
            env=kept | named,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self.programs.append(program)
        return program

    async def stop(self) -> None:
        self.lock.release()
        for program in self.programs:
            kill(program)
        await self.server.stop()
        self.listening.stopListening()
        self.network.stop()
        self._log.close()


def kill(program: subprocess.Popen[bytes]) -> None:
    if program.poll() is None:
        os.killpg(program.pid, 9)
        program.wait(10)


@pytest_twisted.async_yield_fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.alice.add_contact(BOB)
    await made.bob.add_contact(ALICE)
    yield made
    await made.stop()


async def until_told(reader: Reader, count: int) -> None:
    for _ in range(1500):
        if len(reader.bodies) >= count:
            return
        await task.deferLater(reactor, 0.02, lambda: None)
    raise AssertionError(f"{len(reader.bodies)} of {count} answers came")


LANGUAGES = [
    pytest.param("node", marks=pytest.mark.needs("node")),
    pytest.param("go", marks=pytest.mark.needs("go")),
    pytest.param("curl", marks=pytest.mark.needs("curl", "jq")),
]


@pytest.mark.long
@pytest.mark.parametrize("command", LANGUAGES, indirect=True)
@pytest_twisted.ensureDeferred
async def test_each_message_is_answered_once_over_kills_and_restarts(world: World, command: list[str]) -> None:
    told = Reader()
    world.alice.on_received("told", told)
    for number, body in enumerate(BODIES):
        await world.alice.send(BOB, body, kind="ask", idempotency_key=f"first-{number}")
    program = world.start_program(command)
    await until_told(told, 3)
    kill(program)
    world.start_program(command)
    await until_told(told, len(BODIES))
    # The daemon starts anew, at another port.
    await world.server.stop()
    world.server = world.make_server()
    for number, body in enumerate(BODIES):
        await world.alice.send(BOB, body, kind="ask", idempotency_key=f"second-{number}")
    await until_told(told, 2 * len(BODIES))
    await task.deferLater(reactor, 1.0, lambda: None)
    sums = sorted(hashlib.sha256(body).hexdigest().encode() for body in BODIES)
    assert sorted(told.bodies) == sorted(sums * 2)
    assert world.proxy.visits == 0


@pytest.mark.long
@pytest.mark.parametrize("command", LANGUAGES, indirect=True)
def test_without_a_directory_it_says_how_it_is_used(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: ")


@pytest.mark.long
@pytest.mark.parametrize("command", LANGUAGES, indirect=True)
@pytest_twisted.ensureDeferred
async def test_a_message_that_cannot_be_answered_holds_up_no_other(world: World, command: list[str]) -> None:
    told, told_eve = Reader(), Reader()
    eve = world.network.client("eve@home")
    await eve.add_contact(BOB)
    eve.on_received("told", told_eve)
    world.alice.on_received("told", told)
    # Bob has no contact of that address: nothing can be sent to it.
    await eve.send(BOB, b"first", kind="ask", idempotency_key="1")
    await task.deferLater(reactor, 0.3, lambda: None)
    await world.alice.send(BOB, b"second", kind="ask", idempotency_key="1")
    world.start_program(command)
    await until_told(told, 1)
    assert told_eve.bodies == []
    await world.bob.add_contact("eve@home")
    await until_told(told_eve, 1)


@pytest.mark.long
@pytest.mark.parametrize("command", LANGUAGES, indirect=True)
@pytest_twisted.ensureDeferred
async def test_the_token_is_not_shown_at_an_address_that_a_crash_left_behind(world: World, command: list[str]) -> None:
    world.lock.release()
    # The number of a process that runs: the system gave that of the daemon away again.
    (world.directory / LOCK_FILE).write_text(f"{os.getpid()}\n")
    # The proxy counts connections as well as any other program that has the port by now.
    (world.directory / "api.url").write_text(f"http://127.0.0.1:{world.listening.getHost().port}\n")
    world.start_program(command)
    await task.deferLater(reactor, 2.5, lambda: None)
    assert world.proxy.visits == 0
    world.lock.acquire()
    for _ in range(500):
        if world.proxy.visits:
            break
        await task.deferLater(reactor, 0.02, lambda: None)
    assert world.proxy.visits

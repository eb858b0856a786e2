"""A provider as its own process, over real links: invitations, mail, kill -9, the operator's hand, and the clock."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_twisted
from click.testing import CliRunner
from scipy import stats
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from loopixmix.config import load_trust_root
from loopixmix.directory import Document
from loopixmix.directory.verification import read_document
from loopixmix.keys import IdentityKey
from loopixmix.main import loopixmix
from loopixmix.net.links.tls import LinkLimits, PeerAddress, TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import TcpSockets
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic, open_reply
from loopixmix.wire import (
    Frame,
    Item,
    ItemKind,
    LinkRole,
    Pull,
    Register,
    Registered,
    RegisterRefusal,
    RegisterRefused,
)
from tests.worlds.networks.mixes import Recorder
from tests.worlds.networks.providers import HandClient

RATES = ["--layers", "1", "--delay-mean-s", "0.01", "--pull-rate-per-s", "100", "--payload-rate-per-s", "20"]
NODES = ("authority", "mix", "provider")
MARK = "marked-secret"


def command(*arguments: str) -> str:
    """Run a command in this process: what it touches belongs to other processes all the same."""
    result = CliRunner().invoke(loopixmix, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def pause(seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)


@dataclass
class Place:
    """One provider's id, as a client by hand wants it."""

    identity: Identity


class World:
    """Three processes, and clients in this one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = dict(zip(NODES, free_ports(3), strict=True))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.networks: list[TlsNetwork] = []
        self.clients = 0

    def at(self, name: str) -> str:
        return str(self.directory / name)

    def init(self) -> None:
        listen = [f"127.0.0.1:{self.ports[name]}" for name in NODES]
        counts = ["--open-enrolment", "--expected-mixes", "1", "--expected-providers", "1"]
        command("authority", "init", self.at("authority"), "--listen", listen[0], *counts, *RATES)
        network = str(self.directory / "authority" / "network.toml")
        command("mix", "init", self.at("mix"), "--name", "mix", "--listen", listen[1], "--network", network)
        command("provider", "init", self.at("provider"), "--name", "home", "--listen", listen[2], "--network", network)

    def start(self, name: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "loopixmix.main", name, "run", self.at(name)], stderr=log
            )

    def end(self, name: str, number: signal.Signals) -> int:
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(timeout=20)

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def status(self, name: str) -> NodeStatus | None:
        found = read_status(self.directory / name)
        return found if found is not None and found.pid == self.processes[name].pid else None

    def items_of(self, name: str) -> int:
        """Return how much mail waits for an account, as the operator sees it."""
        listed = json.loads(command("provider", "accounts", "list", self.at("provider"), "--json"))
        return sum(account["items"] for account in listed["accounts"] if account["name"] == name)

    async def until(self, condition: Callable[[], bool], *, timeout_s: float = 30.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, "\n".join(self.log(name) for name in NODES)
            await pause(0.02)

    def is_healthy(self, name: str) -> bool:
        found = self.status(name)
        return found is not None and found.healthy

    async def all_healthy(self) -> None:
        await self.until(lambda: self.is_healthy("mix") and self.is_healthy("provider"))

    @property
    def document(self) -> Document:
        trust_root = load_trust_root(self.directory / "authority" / "network.toml")
        return read_document((self.directory / "provider" / "document.cache").read_bytes(), trust_root)

    def client(self, name: str) -> Client:
        return Client(self, name)

    async def stop(self) -> None:
        for network in self.networks:
            await network.stop()
        for name in list(self.processes):
            self.end(name, signal.SIGKILL)


class Client:
    """A client by hand on a real link."""

    def __init__(self, world: World, name: str) -> None:
        document = world.document
        packet_format = PacketFormat.for_network(document.params, arithmetic=load_arithmetic())
        self.format = packet_format.frames
        self.world = world
        home = document.node_named("home")
        assert home is not None
        self.home = home
        setting = SimpleNamespace(
            model=SimpleNamespace(document=document),
            params=document.params,
            packet_format=packet_format,
            geometry=packet_format.geometry,
            clock=SimpleNamespace(seconds=time.time),
        )
        self.hand = HandClient(setting, name, Place(home.id), make_network=self._connect)  # type: ignore[arg-type]

    def _connect(self, identity_key: IdentityKey, recorder: Recorder) -> TlsNetwork:
        network = TlsNetwork(
            identity_key=identity_key,
            network_id=self.world.document.network_id,
            reception=Reception(self.format, own=LinkRole.CLIENT, role_of=lambda _: LinkRole.PROVIDER),
            limits=LinkLimits(backoff_first_s=0.05, backoff_longest_s=0.2),
            sockets=TcpSockets(reactor),
            clock=reactor,
            rng=random.Random(identity_key.public),
            observer=recorder,
        )
        self.world.networks.append(network)
        network.set_peers({self.home.id: PeerAddress(self.home.host, self.home.port)})
        return network

    async def ask(self, frame: Frame, *, answers: int) -> list[Frame]:
        await self.world.until(lambda: self.hand.network.is_open(self.home.id))
        self.hand.frames.clear()
        self.hand.send(frame)
        await self.world.until(lambda: len(self.hand.frames) >= answers)
        return list(self.hand.frames)

    async def register(self, invitation: str) -> Frame:
        [answer] = await self.ask(Register(self.hand.name, invitation, self.hand.card()), answers=1)
        return answer

    async def pull(self, acknowledged: tuple[int, ...] = ()) -> list[Item]:
        batch = self.world.document.params.pull_batch
        items = await self.ask(Pull(self.hand.rng.getrandbits(64), acknowledged), answers=batch)
        return [item for item in items if isinstance(item, Item)]

    async def collect(self, count: int) -> list[Item]:
        """Pull until there are `count` items of mail."""
        found: dict[int, Item] = {}
        deadline_s = time.monotonic() + 20
        while len(found) < count:
            assert time.monotonic() < deadline_s
            found |= {item.item_id: item for item in await self.pull() if item.kind is not ItemKind.DUMMY}
        return list(found.values())


@pytest_twisted.async_yield_fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = World(tmp_path_factory.mktemp("provider"))
    made.init()
    for name in NODES:
        made.start(name)
    try:
        await made.all_healthy()
        yield made
    finally:
        await made.stop()


async def member(world: World, name: str) -> Client:
    """Return a client with an account, by an invitation made while the provider runs."""
    client = world.client(name)
    code = command("provider", "invite", world.at("provider")).strip()
    assert await client.register(code) == Registered()
    return client


@pytest_twisted.ensureDeferred
async def test_who_is_invited_registers_sends_and_receives(world: World) -> None:
    stranger = world.client("stranger")
    assert await stranger.register("") == RegisterRefused(RegisterRefusal.BAD_INVITATION)
    alice = await member(world, "alice")
    alice.hand.deliver(alice.hand.id, MARK.encode(), exit=alice.home.id)
    message, reply = sorted(await alice.collect(2), key=lambda item: item.kind)
    assert (message.kind, message.body.rstrip(b"\0")) == (ItemKind.MESSAGE, MARK.encode())
    sphinx = alice.hand.world.packet_format.sphinx
    assert open_reply(alice.hand.surbs[reply.surb_id], reply.body, sphinx=sphinx) == b""


@pytest_twisted.ensureDeferred
async def test_what_was_acknowledged_survives_kill_9(world: World) -> None:
    bob = await member(world, "bob")
    for number in range(5):
        bob.hand.deliver(bob.hand.id, b"%d" % number, exit=bob.home.id)
    given = await bob.collect(10)
    messages = [item for item in given if item.kind is ItemKind.MESSAGE]
    assert sum(item.kind is ItemKind.REPLY for item in given) == 5
    safe = [item.item_id for item in given if item.kind is ItemKind.REPLY]
    await bob.pull((messages[0].item_id, *safe))
    await pause(0.2)
    world.end("provider", signal.SIGKILL)
    await world.until(lambda: not bob.hand.network.is_open(bob.home.id))
    world.start("provider")
    await world.all_healthy()
    again = await bob.collect(4)
    assert {item.body for item in again} == {item.body for item in messages[1:]}
    assert {item.item_id for item in again} == {item.item_id for item in messages[1:]}


@pytest_twisted.ensureDeferred
async def test_the_operator_removes_an_account_of_the_running_provider(world: World) -> None:
    carol = await member(world, "carol")
    assert len(await carol.pull()) == world.document.params.pull_batch
    listed = json.loads(command("provider", "accounts", "list", world.at("provider"), "--json"))
    assert carol.hand.id.hex() in {account["identity"] for account in listed["accounts"]}
    command("provider", "accounts", "remove", world.at("provider"), "carol", "--yes")
    await carol.pull()
    [answer] = await carol.ask(Pull(1, ()), answers=1)
    assert answer == RegisterRefused(RegisterRefusal.NOT_REGISTERED)


@pytest_twisted.ensureDeferred
async def test_the_time_of_an_answer_does_not_tell_whether_there_is_mail(world: World) -> None:
    """H0: answers to pulls from a full and an empty mailbox take equally long. Two-sided Mann-Whitney test.

    n = 2 x 40, one after the other in turn; false-alarm rate 1e-4.
    """
    full, empty = await member(world, "dora"), await member(world, "erna")
    batch = world.document.params.pull_batch
    for number in range(40 * batch):
        if number % 60 == 59:
            await pause(0.5)
        full.hand.deliver(full.hand.id, b"%d" % number, exit=full.home.id, acknowledge=False)
    await world.until(lambda: world.items_of("dora") == 40 * batch)
    took_s: dict[str, list[float]] = {"full": [], "empty": []}
    mail = 0
    for _ in range(40):
        for name, client in (("full", full), ("empty", empty)):
            start_s = time.perf_counter()
            frames = await answer_of(client, batch)
            took_s[name].append(time.perf_counter() - start_s)
            mail += sum(frame.kind is not ItemKind.DUMMY for frame in frames if name == "full")
            assert len(frames) == batch
    assert mail == 40 * batch, "the full mailbox was full"
    assert stats.mannwhitneyu(took_s["full"], took_s["empty"]).pvalue > 1e-4


async def answer_of(client: Client, count: int) -> list[Item]:
    """Pull, and return the items as soon as the last one is there."""
    done: Deferred[None] = Deferred()
    client.hand.frames = Arrivals(count, done)
    client.hand.send(Pull(client.hand.rng.getrandbits(64), ()))
    await done
    return [frame for frame in client.hand.frames if isinstance(frame, Item)]


class Arrivals(list[Frame]):
    """Frames as they come; tells when there are enough."""

    def __init__(self, count: int, done: Deferred[None]) -> None:
        super().__init__()
        self._count = count
        self._done = done

    def __iadd__(self, more: list[Frame]) -> Arrivals:  # type: ignore[misc, override]
        before = len(self)
        self.extend(more)
        if before < self._count <= len(self):
            reactor.callLater(0, self._done.callback, None)
        return self


@pytest_twisted.ensureDeferred
async def test_a_provider_says_how_it_is_and_ends_in_peace(world: World) -> None:
    status = json.loads(command("provider", "status", world.at("provider"), "--json"))
    assert status["role"] == "provider"
    assert status["extra"]["services"] == "echo keys loop"
    assert status["extra"]["accounts"] >= 2
    assert status["dropped"].get("rate_limited", 0) == 0
    assert world.end("provider", signal.SIGTERM) == 0
    log = world.log("provider")
    assert "Traceback" not in log
    assert MARK not in log

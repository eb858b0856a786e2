"""Clients that are killed at any instant neither lose nor double a message.

Sender and receiver are real processes with stores in files; `kill -9` hits them at random instants, also while they
start. Mixes and providers run in this process, and lose packets too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.task import deferLater

from client.store import ClientStore, incoming
from loopixmix.sphinx import load_arithmetic
from simulations.world.clock import EventClock
from tests.worlds.clients.world import QUICK, Node, World
from tests.worlds.clients.zygote import MESSAGES, Plan, body_of

SEED = 20
KILLS = 14
KILLS_OF_A_CAMPAIGN = 150
LENGTH = struct.Struct(">I")
real = cast(PosixReactorBase, reactor)
ZYGOTE = Path(__file__).parent.parent / "worlds" / "clients" / "zygote.py"

FAST = msgspec.structs.replace(
    QUICK,
    delay_mean_s=0.01,
    payload_rate_per_s=60.0,
    loop_rate_per_s=1.0,
    drop_rate_per_s=1.0,
    pull_rate_per_s=50.0,
    pull_batch=10,
)


class RealWorld(World):
    """The world on the reactor's clock."""

    def make_clock(self) -> EventClock:
        return cast(EventClock, real)


class ClientConnection(Protocol):
    """A client process, as its provider sees it: the first frame says who it is."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.identity = b""
        self.buffer = b""

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= 4 and len(self.buffer) >= 4 + LENGTH.unpack_from(self.buffer)[0]:
            end = 4 + LENGTH.unpack_from(self.buffer)[0]
            frame, self.buffer = self.buffer[4:end], self.buffer[end:]
            if self.identity:
                self.node.arrived(self.identity, [frame])
            else:
                self.identity = frame
                self.node.world.client_ids.add(frame)
                self.node.world.hub.attach(frame, lambda _, frames: self.send(list(frames)))

    def send(self, frames: list[bytes]) -> None:
        if self.transport is not None:
            self.transport.write(b"".join(LENGTH.pack(len(frame)) + frame for frame in frames))

    def connectionLost(self, reason: object = None) -> None:
        pass


class Clients(Factory):
    """Takes the connections of a provider's clients."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def buildProtocol(self, addr: object) -> ClientConnection:
        return ClientConnection(self.node)


class Zygote(ProcessProtocol):
    """Starts client processes; see `client_zygote`."""

    def __init__(self) -> None:
        self.lines: list[Deferred[str]] = [Deferred()]
        self.ended: Deferred[None] = Deferred()
        self.buffer = b""
        self.errors = b""

    def outReceived(self, data: bytes) -> None:
        self.buffer += data
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self.lines.pop(0).callback(line.decode())

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: object) -> None:
        self.ended.callback(None)

    async def start(self, name: str) -> int:
        answer: Deferred[str] = Deferred()
        self.lines.append(answer)
        self.transport.write(f"start {name}\n".encode())  # type: ignore[union-attr]
        return int(await answer)


def sleep(span_s: float) -> Deferred[None]:
    return deferLater(real, span_s, lambda: None)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def kill_at_acknowledgement(world: RealWorld, pids: dict[str, int], victim: str) -> None:
    struck: Deferred[None] = Deferred()
    provider = world.providers["home" if victim == "sender" else "away"]

    def strike(peer: bytes) -> None:
        if peer in provider.mailboxes and not struck.called:
            kill(pids[victim])
            struck.callback(None)

    world.on_acknowledged = strike
    await struck.addTimeout(10, real)
    world.on_acknowledged = lambda peer: None


def log_of(directory: Path) -> list[list[str]]:
    path = directory / "application.log"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def world() -> Iterator[RealWorld]:
    made = RealWorld(params=FAST, seed=SEED, latency_s=0.0005, arithmetic=load_arithmetic())
    yield made
    for node in made.nodes.values():
        node.stop()


def write_plans(world: RealWorld, directory: Path, ports: dict[str, int]) -> list[str]:
    document = msgspec.msgpack.encode(world.document)
    paths = []
    for name, account, contact in (("sender", "alice@home", "bob@away"), ("receiver", "bob@away", "alice@home")):
        own = directory / name
        own.mkdir()
        plan = Plan(str(own), document, ports, account, contact, sends=name == "sender")
        path = directory / f"{name}.plan"
        path.write_bytes(msgspec.msgpack.encode(plan))
        paths.append(str(path))
    return paths


async def wait_until(condition: object, limit_s: float) -> bool:
    assert callable(condition)
    for _ in range(int(limit_s / 0.1)):
        if condition():
            return True
        await sleep(0.1)
    return bool(condition())


@pytest.mark.parametrize("kills", [KILLS, pytest.param(KILLS_OF_A_CAMPAIGN, marks=pytest.mark.long)])
@pytest_twisted.ensureDeferred
async def test_kill_9_at_any_instant_neither_loses_nor_doubles(world: RealWorld, tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)
    listening = {
        name: real.listenTCP(0, Clients(world.providers[name]), interface="127.0.0.1") for name in ("home", "away")
    }
    plans = write_plans(world, tmp_path, {name: port.getHost().port for name, port in listening.items()})
    zygote = Zygote()
    ready = zygote.lines[0]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    real.spawnProcess(zygote, sys.executable, [sys.executable, str(ZYGOTE), *plans], env=environment)
    await ready
    logs = {name: tmp_path / name for name in ("sender", "receiver")}
    pids: dict[str, int] = {}
    try:
        # The receiver first: whoever looks up a name that nobody has yet gets a decoy, and writes to nobody.
        for name in ("receiver", "sender"):
            pids[name] = await zygote.start(name)
            assert await wait_until(lambda name=name: ["ready"] in log_of(logs[name]), 20)
        world.loss = 0.01
        for number in range(kills):
            victim = chance.choice(("sender", "receiver"))
            if number % 2:
                await sleep(chance.expovariate(1 / 0.25))
                kill(pids[victim])
            else:  # the very moment at which the provider hears that it may delete something
                await kill_at_acknowledgement(world, pids, victim)
            pids[victim] = await zygote.start(victim)

        def all_stored() -> bool:
            sent = {line[1] for line in log_of(logs["sender"]) if line[0] == "sent"}
            handled = {line[1] for line in log_of(logs["receiver"]) if line[0] == "handled"}
            return len(sent) == len(handled) == MESSAGES

        finished = await wait_until(all_stored, 60)
        await sleep(1)
    finally:
        for pid in pids.values():
            kill(pid)
        zygote.transport.loseConnection()  # type: ignore[union-attr]
        await zygote.ended
        for port in listening.values():
            await port.stopListening()
        await sleep(0.3)
    assert zygote.errors == b""
    assert finished, (log_of(logs["sender"])[-3:], log_of(logs["receiver"])[-3:])
    store = ClientStore(logs["receiver"] / "client.db")
    inbox = [message for after in range(0, 60, 10) for message in inbox_part(store, after)]
    store.close()
    assert sorted(message[1] for message in inbox) == sorted(
        hashlib.sha256(body_of(number)).hexdigest() for number in range(MESSAGES)
    )
    ids = {line[1]: line[2] for line in log_of(logs["sender"]) if line[0] == "sent"}
    assert {message[0] for message in inbox} == set(ids.values())
    # The same call gave the same message in every life of the sender.
    assert len({(line[1], line[2]) for line in log_of(logs["sender"]) if line[0] == "sent"}) == MESSAGES


def inbox_part(store: ClientStore, after: int) -> list[tuple[str, str]]:
    found = store.write(lambda c: incoming.received_after(c, after=after, limit=10))
    return [
        (message.message_id, hashlib.sha256(message.body).hexdigest())
        for message in found
        if message.number <= after + 10
    ]

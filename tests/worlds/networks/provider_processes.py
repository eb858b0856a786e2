"""An authority, a mix and a provider as processes, and clients by hand on real links in this one."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from click.testing import CliRunner
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import deferLater

from loopixmix.config import load_trust_root
from loopixmix.directory import Document
from loopixmix.directory.verification import read_document
from loopixmix.keys import IdentityKey
from loopixmix.main import loopixmix
from loopixmix.net.links.tls import LinkLimits, PeerAddress, TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import Sockets, TcpSockets
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import Frame, Item, ItemKind, LinkRole, Pull, Register, Registered
from tests.worlds.networks.memory_worlds import Recorder
from tests.worlds.networks.providers import HandClient

RATES = ["--layers", "1", "--delay-mean-s", "0.01", "--pull-rate-per-s", "100", "--payload-rate-per-s", "20"]
NODES = ("authority", "mix", "provider")


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


class ProviderProcesses:
    """Three processes, and clients in this one."""

    def __init__(
        self, directory: Path, *, services: Sequence[str] = (), packages: Path | None = None, config: str = ""
    ) -> None:
        """`services`: what the provider hosts besides its own, from `packages`. `config`: ends its `node.toml`."""
        self.directory = directory
        self.services = services
        self.environment = dict(os.environ)
        if packages is not None:
            self.environment["PYTHONPATH"] = os.pathsep.join([str(packages), *filter(None, [os.getenv("PYTHONPATH")])])
        self.config = config
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
        node = self.directory / "provider" / "node.toml"
        named = json.dumps(["echo", "keys", *self.services])
        node.write_text(re.sub("(?m)^services = .*$", f"services = {named}", node.read_text()) + self.config)

    def start(self, name: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "loopixmix.main", name, "run", self.at(name)],
                stderr=log,
                env=self.environment,
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

    async def all_healthy(self, *, timeout_s: float = 30.0) -> None:
        await self.until(lambda: self.is_healthy("mix") and self.is_healthy("provider"), timeout_s=timeout_s)

    @property
    def document(self) -> Document:
        trust_root = load_trust_root(self.directory / "authority" / "network.toml")
        return read_document((self.directory / "provider" / "document.cache").read_bytes(), trust_root)

    def client(self, name: str, *, host: str = "") -> LinkedClient:
        """Return a client that comes from the address `host`, or from any."""
        return LinkedClient(self, name, SocketsAt(host) if host else TcpSockets(reactor))

    async def stop(self) -> None:
        for network in self.networks:
            await network.stop()
        for name in list(self.processes):
            self.end(name, signal.SIGKILL)


class SocketsAt(TcpSockets):
    """Connections that come from one address of this machine."""

    def __init__(self, host: str) -> None:
        super().__init__(reactor)
        self._host = host

    def dial(self, address: PeerAddress, factory: IProtocolFactory, *, timeout_s: float) -> Deferred[IProtocol]:
        endpoint = TCP4ClientEndpoint(reactor, address.host, address.port, timeout_s, bindAddress=(self._host, 0))
        return cast("Deferred[IProtocol]", endpoint.connect(factory))


class LinkedClient:
    """A client by hand on a real link."""

    def __init__(self, world: ProviderProcesses, name: str, sockets: Sockets) -> None:
        """`sockets`: by which it comes."""
        document = world.document
        packet_format = PacketFormat.for_network(document.params, arithmetic=load_arithmetic())
        self.format = packet_format.frames
        self.world = world
        home = document.node_named("home")
        assert home is not None
        self.home = home
        self._sockets = sockets
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
            sockets=self._sockets,
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


async def member(world: ProviderProcesses, name: str) -> LinkedClient:
    """Return a client with an account, by an invitation made while the provider runs."""
    client = world.client(name)
    code = command("provider", "invite", world.at("provider")).strip()
    assert await client.register(code) == Registered()
    return client

"""The client daemon as a program, on a reactor in memory; as a process it is in tests/integration."""

from __future__ import annotations

import queue
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from client.asking.account import ACCOUNT_FACT
from client.directory.configuration import create_client, load_client, set_sealed
from client.link.session import Account
from client.running.daemon import ClientDaemon
from client.store import ClientStore, contacts
from loopixmix.authority.config import trust_root_toml
from loopixmix.errors import ListenError, StoreError
from loopixmix.keys import IdentityKey
from loopixmix.process.program import World
from loopixmix.process.wallclock import ClockWatch, WallClock
from loopixmix.store.sealing import is_sealed
from tests.worlds.networks.models import NOW_S, model_network, trust_root_of


class Machine(MemoryReactorClock):
    """A reactor whose connections go nowhere; its ports may be in use. Threads hand their calls over by a queue."""

    def __init__(self, *, busy: bool = False) -> None:
        super().__init__()
        self.rightNow = NOW_S
        self.busy = busy
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> object:
        if self.busy:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)

    def callFromThread(self, callable: Callable[..., object], *args: object, **kw: object) -> None:
        self._calls.put(lambda: callable(*args, **kw))

    def run_until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline_s
            try:
                self._calls.get(timeout=0.01)()
            except queue.Empty:
                self.advance(0.1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "network.toml").write_text(trust_root_toml(trust_root_of(IdentityKey(bytes(32)))))
    create_client(tmp_path / "alice", network=tmp_path / "network.toml", api_port=7078, rng=random.Random(1))
    return tmp_path / "alice"


def daemon_on(machine: Machine, directory: Path, ends: list[object] | None = None) -> ClientDaemon:
    told: list[object] = [] if ends is None else ends
    world = World(
        reactor=machine,
        clock=machine,
        clock_watch=ClockWatch(machine),
        rng=random.Random(2),
        end=lambda error=None: told.append(error),
    )
    return ClientDaemon(load_client(directory), world=world)


def test_it_listens_for_its_programs_and_leaves_nothing(directory: Path) -> None:
    machine = Machine()
    daemon = daemon_on(machine, directory)
    daemon.start()
    [(port, _, _, host)] = machine.tcpServers
    assert (host, port) == ("127.0.0.1", 7078)
    assert (directory / "api.url").exists()
    machine.run_until(lambda: machine.tcpClients)  # it asks the authority for a document
    stopped: list[object] = []
    Deferred.fromCoroutine(daemon.stop()).addBoth(stopped.append)
    machine.run_until(lambda: stopped)
    assert stopped == [None]
    assert not (directory / "api.url").exists()
    assert machine.getDelayedCalls() == []
    again: list[object] = []
    Deferred.fromCoroutine(daemon.stop()).addBoth(again.append)
    assert again == [None]


def test_a_port_in_use_is_told_and_closes_the_store(directory: Path) -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1:7078: Address already in use"):
        daemon_on(Machine(busy=True), directory).start()
    store = sqlite3.connect(directory / "client.db", timeout=0)
    store.execute("BEGIN EXCLUSIVE")  # nobody else has it
    store.close()


def test_a_damaged_store_is_told(directory: Path) -> None:
    (directory / "client.db").write_bytes(b"this is no database" * 1000)
    machine = Machine()
    with pytest.raises(StoreError, match=r"client\.db"):
        daemon_on(machine, directory).start()
    assert machine.tcpServers == []


def test_without_its_terminal_it_ends(directory: Path) -> None:
    ends: list[object] = []
    daemon = daemon_on(Machine(), directory, ends)
    daemon.signals[signal.SIGHUP]()
    assert ends == [None]  # in order, and without an error
    assert daemon.log_settings.level == "info"
    assert daemon.status() is None  # it has none: its programs ask by the local API


def test_a_link_that_is_being_made_is_given_up_at_the_stop(tmp_path: Path) -> None:
    model = model_network(random.Random(3))
    (tmp_path / "network.toml").write_text(trust_root_toml(model.trust_root))
    directory = tmp_path / "alice"
    create_client(directory, network=tmp_path / "network.toml", api_port=7078, rng=random.Random(1))
    (directory / "document").write_bytes(model.signed_document)
    provider = model.node("provider1")
    account = msgspec.msgpack.encode(Account("alice", provider.id, provider.name))
    store = ClientStore(directory / "client.db")
    store.write(lambda c: contacts.save_fact(c, ACCOUNT_FACT, account))
    store.close()
    machine = Machine()
    daemon = daemon_on(machine, directory)
    daemon.start()
    machine.run_until(lambda: any(port == provider.port for _, port, *_ in machine.tcpClients))
    stopped: list[object] = []
    Deferred.fromCoroutine(daemon.stop()).addBoth(stopped.append)
    machine.run_until(lambda: stopped)
    assert stopped == [None]
    ports = [port for _, port, *_ in machine.tcpClients]
    dialled = [connector for port, connector in zip(ports, machine.connectors, strict=True) if port == provider.port]
    assert [connector.stoppedConnecting for connector in dialled] == [True]
    assert machine.getDelayedCalls() == []


def test_a_client_that_slept_through_its_document_asks_for_a_new_one_at_once(tmp_path: Path) -> None:
    model = model_network(random.Random(3))
    (tmp_path / "network.toml").write_text(trust_root_toml(model.trust_root))
    directory = tmp_path / "alice"
    create_client(directory, network=tmp_path / "network.toml", api_port=7078, rng=random.Random(1))
    (directory / "document").write_bytes(model.signed_document)
    machine, asleep_s = Machine(), 0.0
    clock = WallClock(machine, time_of_day=lambda: machine.rightNow + asleep_s, monotonic=lambda: machine.rightNow)
    watch = ClockWatch(clock, monotonic=lambda: machine.rightNow)
    world = World(reactor=machine, clock=clock, clock_watch=watch, rng=random.Random(2), end=lambda error=None: None)
    daemon = ClientDaemon(load_client(directory), world=world)
    daemon.start()
    watch.start()
    machine.run_until(lambda: machine.rightNow > NOW_S + 30)
    assert machine.tcpClients == []  # it has a document
    asleep_s = 5 * 3600.0
    machine.run_until(lambda: machine.tcpClients or machine.rightNow > NOW_S + 35)
    assert machine.tcpClients
    stopped: list[object] = []
    Deferred.fromCoroutine(daemon.stop()).addBoth(stopped.append)
    machine.run_until(lambda: stopped)


def test_a_client_seals_its_store_when_it_starts(directory: Path) -> None:
    ClientStore(directory / "client.db").close()
    set_sealed(directory)
    machine = Machine()
    daemon = daemon_on(machine, directory)
    daemon.start()
    assert is_sealed(directory / "client.db")
    stopped: list[object] = []
    Deferred.fromCoroutine(daemon.stop()).addBoth(stopped.append)
    machine.run_until(lambda: stopped)
    file = directory / "client.toml"
    file.write_text(file.read_text().replace("sealed_store = true", "sealed_store = false"))
    with pytest.raises(StoreError, match="sealed with another key"):
        daemon_on(Machine(), directory).start()

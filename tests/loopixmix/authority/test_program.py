"""An authority as a program in its directory, on a reactor in memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from loopixmix.authority.config import AuthorityConfig, authority_toml, trust_root_toml
from loopixmix.authority.program import AuthorityNode
from loopixmix.directory import TrustedAuthority, TrustRoot
from loopixmix.errors import ConfigError, ListenError, StoreError
from loopixmix.params import NetworkParams
from loopixmix.process.files import create_identity
from loopixmix.process.program import World
from loopixmix.process.wallclock import ClockWatch

NOW_S = 1_800_000_000.0


class NoPorts(MemoryReactorClock):
    """A reactor of a machine on which every port is in use."""

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> object:
        raise CannotListenError(interface, port, OSError(98, "Address already in use"))


class Bench:
    """The directory of one authority."""

    def __init__(self, directory: Path, reactor: MemoryReactorClock | None = None) -> None:
        self.directory = directory
        self.reactor = reactor or MemoryReactorClock()
        self.reactor.rightNow = NOW_S
        self.ends: list[object] = []
        identity_key = create_identity(directory / "identity.key", random.Random(1))
        trusted = TrustedAuthority(public_key=identity_key.public.hex(), url="http://127.0.0.1:9000")
        (directory / "network.toml").write_text(trust_root_toml(TrustRoot(name="n", authorities=(trusted,))))
        self.configure()

    def configure(self, **changes: object) -> None:
        values = {"listen": "127.0.0.1:9000", "params": NetworkParams(), "open_enrolment": True, **changes}
        (self.directory / "authority.toml").write_text(authority_toml(AuthorityConfig(**values)))

    def node(self) -> AuthorityNode:
        world = World(
            reactor=self.reactor,
            clock=self.reactor,
            clock_watch=ClockWatch(self.reactor),
            rng=random.Random(2),
            end=self.ends.append,
        )
        return AuthorityNode(self.directory, world=world)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_listens_says_how_it_is_and_leaves_nothing(bench: Bench) -> None:
    node = bench.node()
    assert node.status() is None
    node.start()
    [listening] = bench.reactor.tcpServers
    assert (listening[0], listening[3]) == (9000, "127.0.0.1")
    status = node.status()
    assert status is not None
    assert (status.role, status.started_at_s) == ("authority", NOW_S)
    assert "0 mixes are enrolled" in (status.problem or "")
    assert Deferred.fromCoroutine(node.stop()).called
    assert bench.reactor.getDelayedCalls() == []


def test_a_changed_configuration_is_taken_up_and_a_wrong_one_is_not(bench: Bench) -> None:
    node = bench.node()
    node.start()
    bench.configure(expected_mixes=5)
    node.reload()
    status = node.status()
    assert status is not None
    assert "5" in (status.problem or "")
    (bench.directory / "authority.toml").write_text("listen = 3")
    with pytest.raises(ConfigError, match=r"authority\.toml"):
        node.reload()
    assert node.status() == status
    assert node.log_settings.level == "info"
    Deferred.fromCoroutine(node.stop())


def test_a_port_in_use_is_told_and_nothing_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NoPorts())
    node = bench.node()
    with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1:9000: Address already in use"):
        node.start()
    assert bench.reactor.getDelayedCalls() == []


def test_a_damaged_state_is_told_and_nothing_listens(bench: Bench) -> None:
    damaged = bench.directory / "state" / "documents" / "7.signed"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"damaged")
    with pytest.raises(StoreError, match=r"7\.signed"):
        bench.node().start()
    assert bench.reactor.tcpServers == []


def test_a_directory_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.directory = tmp_path / "gone"
    with pytest.raises(ConfigError, match="make one with  loopixmix authority init DIR"):
        bench.node()

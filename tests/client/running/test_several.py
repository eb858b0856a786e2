"""Several clients in one process: they begin together, end together, and share nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from client.directory.configuration import create_client, load_client
from client.http.endpoint import LOCK_FILE
from client.running.daemon import ClientDaemon
from client.running.several import SeveralClients
from loopixmix.authority.config import trust_root_toml
from loopixmix.errors import ConfigError, ListenError
from loopixmix.keys import IdentityKey
from loopixmix.process.files import DirectoryLock, LockedError
from loopixmix.process.program import World
from loopixmix.process.wallclock import ClockWatch
from tests.client.running.test_daemon import Machine
from tests.worlds.networks.models import trust_root_of


@pytest.fixture
def directories(tmp_path: Path) -> list[Path]:
    (tmp_path / "network.toml").write_text(trust_root_toml(trust_root_of(IdentityKey(bytes(32)))))
    made = [tmp_path / "work", tmp_path / "home"]
    for number, path in enumerate(made):
        create_client(path, network=tmp_path / "network.toml", api_port=7078 + number, rng=random.Random(number))
    return made


def several_on(machine: Machine, directories: list[Path]) -> SeveralClients:
    world = World(
        reactor=machine,
        clock=machine,
        clock_watch=ClockWatch(machine),
        rng=random.Random(2),
        end=lambda error=None: None,
    )
    return SeveralClients({path: ClientDaemon(load_client(path), world=world) for path in directories})


def is_locked(directory: Path) -> bool:
    try:
        with DirectoryLock(directory / LOCK_FILE):
            return False
    except LockedError:
        return True


def test_each_has_its_own_api_and_nothing_is_left(directories: list[Path]) -> None:
    machine = Machine()
    several = several_on(machine, directories)
    several.start()
    assert sorted(port for port, *_ in machine.tcpServers) == [7078, 7079]
    tokens = {(path / "api.token").read_text() for path in directories}
    assert len(tokens) == 2
    # The process has locked the first directory already.
    assert [is_locked(path) for path in directories] == [False, True]
    stopped: list[object] = []
    Deferred.fromCoroutine(several.stop()).addBoth(stopped.append)
    machine.run_until(lambda: stopped)
    assert stopped == [None]
    assert not is_locked(directories[1])
    assert machine.getDelayedCalls() == []


def test_one_that_runs_elsewhere_is_refused_and_nothing_begins(directories: list[Path]) -> None:
    machine = Machine()
    with DirectoryLock(directories[1] / LOCK_FILE), pytest.raises(LockedError, match="home"):
        several_on(machine, directories).start()
    assert machine.tcpServers == []


class HalfBusyMachine(Machine):
    """A machine on which the second port is in use."""

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> object:
        self.busy = port == 7079
        return super().listenTCP(port, factory, backlog, interface)


def test_if_one_cannot_begin_the_others_end(directories: list[Path]) -> None:
    machine = HalfBusyMachine()
    with pytest.raises(ListenError, match="7079"):
        several_on(machine, directories).start()
    machine.run_until(lambda: not (directories[0] / "api.url").exists())
    assert not is_locked(directories[1])
    # And all can begin again.
    several = several_on(Machine(), directories)
    several.start()
    Deferred.fromCoroutine(several.stop())


def test_one_directory_under_two_names_is_one_client(directories: list[Path], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(directories[0])
    with pytest.raises(ConfigError, match="named twice"):
        several_on(Machine(), [directories[0], tmp_path / "link"])

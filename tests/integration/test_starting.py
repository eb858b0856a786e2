"""Programs that start a daemon themselves: real daemons, of a network that cannot be reached."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from client import remote, remote_asyncio
from client.api import NotRunningError
from client.directory.configuration import create_client
from loopixmix.errors import ConfigError, UnavailableError
from tests.worlds.clients.fake_daemons import TRUST_ROOT
from tests.worlds.processes import is_running


class Place:
    """A trust root, and a directory for a client."""

    def __init__(self, root: Path) -> None:
        self.network = root / "network.toml"
        self.network.write_text(TRUST_ROOT)
        self.directory = root / "alice"

    async def start(self, *, within_s: float = 60.0, guest: bool = False) -> int:
        """Start the daemon by `client.remote`; return its process."""
        client = await remote.start(
            self.directory,
            network=self.network,
            reactor=reactor,
            rng=random.Random(1),
            within_s=within_s,
            guest=guest,
        )
        client.close()
        return self.pid

    @property
    def pid(self) -> int:
        return int((self.directory / "client.lock").read_text())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    # Not only the one that has the lock: one that came second may take it when the first has ended.
    until_s = time.monotonic() + 20
    while daemons := daemons_in(made.directory):
        assert time.monotonic() < until_s
        for daemon in daemons:
            with contextlib.suppress(psutil.NoSuchProcess):
                daemon.terminate()
        psutil.wait_procs(daemons, timeout=5)


def daemons_in(directory: Path) -> list[psutil.Process]:
    """Return the processes whose command names the directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if str(directory) in (process.info["cmdline"] or ()):
            found.append(process)
    return found


@pytest_twisted.ensureDeferred
async def test_a_daemon_is_made_and_started_and_one_that_runs_is_used(place: Place) -> None:
    pid = await place.start()
    assert is_running(pid)
    assert await place.start() == pid
    assert oct((place.directory / "identity.key").stat().st_mode)[-3:] == "600"


@pytest_twisted.ensureDeferred
async def test_a_client_of_another_network_is_not_started_for_this_one(place: Place) -> None:
    create_client(place.directory, network=place.network, api_port=0, rng=random.Random(1))
    place.network.write_text(TRUST_ROOT.replace("http://127.0.0.1:", "http://127.0.0.2:"))
    with pytest.raises(ConfigError, match="is of another network than"):
        await place.start()
    assert not (place.directory / "client.lock").exists()


@pytest_twisted.ensureDeferred
async def test_two_programs_that_start_it_at_once_get_one_daemon(place: Place) -> None:
    await place.start()
    os.kill(place.pid, signal.SIGKILL)
    first, second = await gatherResults([Deferred.fromCoroutine(place.start()) for _ in range(2)])
    assert first == second
    assert is_running(first)


@pytest_twisted.ensureDeferred
async def test_a_directory_that_is_no_clients_needs_a_network(place: Place) -> None:
    with pytest.raises(ConfigError, match="is no client's directory"):
        await remote.start(place.directory, reactor=reactor, rng=random.Random(1))


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_cannot_start_says_why(place: Place) -> None:
    pid = await place.start()
    os.kill(pid, signal.SIGKILL)
    (place.directory / "client.toml").write_text("[client]\nfast = true\n")
    with pytest.raises(NotRunningError, match=r'alice ended: .*unknown key "fast"'):
        await place.start()


@pytest_twisted.ensureDeferred
async def test_a_guest_needs_a_network_that_can_be_reached(place: Place) -> None:
    await place.start()
    config = place.directory / "client.toml"
    os.kill(place.pid, signal.SIGTERM)
    config.write_text(config.read_text().replace("patience_s = 60.0", "patience_s = 1.0"))
    while is_running(place.pid) if (place.directory / "client.lock").exists() else False:
        await Deferred.fromCoroutine(_pause())
    with pytest.raises(UnavailableError, match=r"no network document yet: http://127\.0\.0\.1:9"):
        await place.start(guest=True)


async def _pause() -> None:
    done: Deferred[None] = Deferred()
    reactor.callLater(0.05, done.callback, None)
    await done


def test_a_program_on_asyncio_starts_it_as_well(place: Place) -> None:
    async def start() -> bool:
        async with await remote_asyncio.start(place.directory, network=place.network, rng=random.Random(1)) as client:
            return await client.is_running()

    assert asyncio.run(start())

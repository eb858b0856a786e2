"""A test network in its directory: made, looked at, and its processes watched."""

from __future__ import annotations

import os
import socket
import stat
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from loopixmix.authority.config import load_authority
from loopixmix.errors import ConfigError, ListenError, MisuseError, UnavailableError
from loopixmix.node.config import NodeConfig, load_node
from loopixmix.observing.status import NodeStatus
from loopixmix.process.files import DirectoryLock, load_identity
from loopixmix.process.status import StatusFile
from loopixmix.testnet.making import run_command
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import (
    FAST_PARAMS,
    PlannedClient,
    PlannedProgram,
    PlannedService,
    TestnetPlan,
    serving_program,
)
from provider.accounts import GuestMode
from provider.config import ProviderConfig

PLAN = TestnetPlan(width=1, providers=1, base_port=42_000)
NAMES = ["authority", "mix-1", "mix-2", "mix-3", "provider-1"]


class Pid:
    """A process as the table has it: this one."""

    pid = os.getpid()


class FakeTable:
    """Processes that only stand in a table."""

    def __init__(self) -> None:
        self.started: list[tuple[str, list[str]]] = []
        self.gone: list[str] = []

    def start(self, name: str, arguments: Iterable[str]) -> None:
        self.started.append((name, list(arguments)))

    def start_program(self, name: str, command: Sequence[str], *, where: Path) -> None:
        assert where.name == name
        self.started.append((name, list(command)))

    def running(self) -> Mapping[str, Pid]:
        return {name: Pid() for name, _ in self.started if name not in self.gone}

    def exited(self) -> list[str]:
        return self.gone

    def last_words(self, name: str) -> str:
        return f"the last words of {name}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TestNetwork:
    return TestNetwork.create(tmp_path_factory.mktemp("testnet") / "net", PLAN)


@pytest.fixture
def network(made: TestNetwork) -> TestNetwork:
    opened = TestNetwork(made.directory)
    opened.processes = FakeTable()  # type: ignore[assignment]
    return opened


def say(network: TestNetwork, name: str, *, healthy: bool, pid: int | None = None) -> None:
    status = NodeStatus(
        name=name,
        id="00" * 32,
        role="mix",
        layer=1,
        pid=pid or os.getpid(),
        started_at_s=0.0,
        written_at_s=0.0,
        epoch=1,
        healthy=healthy,
        problem=None if healthy else "starting",
        engine="native",
    )
    StatusFile(network.directory / name).write(status)


def test_every_node_has_a_directory_that_its_command_accepts(network: TestNetwork) -> None:
    assert [node.name for node in network.nodes] == NAMES
    assert stat.S_IMODE(network.directory.stat().st_mode) == 0o700
    authority = network.directory / "authority"
    config, trust_root = load_authority(authority, load_identity(authority / "identity.key"))
    assert trust_root.test
    assert (config.params, config.expected_mixes, config.expected_providers) == (FAST_PARAMS, 3, 1)
    for name in NAMES[1:]:
        kind = ProviderConfig if name.startswith("provider") else NodeConfig
        node, root, _ = load_node(network.directory / name, kind)
        assert (node.name, root) == (name, trust_root)
    assert network.plan == PLAN


def test_what_is_there_is_never_written_over(network: TestNetwork) -> None:
    with pytest.raises(ConfigError, match="is not empty"):
        TestNetwork.create(network.directory, PLAN)
    with pytest.raises(ConfigError, match="holds no test network"):
        TestNetwork(network.directory / "authority")


def test_only_what_does_not_run_is_started(network: TestNetwork) -> None:
    assert network.start() == NAMES
    assert network.start() == []
    assert network.processes.started[1] == ("mix-1", ["mix", "run", str(network.directory / "mix-1")])  # type: ignore[attr-defined]


def test_a_node_that_its_own_command_runs_is_not_started_twice(network: TestNetwork) -> None:
    with DirectoryLock(network.directory / "mix-1" / "node.lock"):
        say(network, "mix-1", healthy=True)
        assert network.start() == [name for name in NAMES if name != "mix-1"]
        status = network.statuses()["mix-1"]
        assert status is not None
        assert status.healthy
        assert network.started_by_hand() == {"mix-1": os.getpid()}
    assert network.started_by_hand() == {}


def test_a_port_in_use_is_told_before_anything_starts(network: TestNetwork) -> None:
    with socket.create_server(("127.0.0.1", 42_002)):
        with pytest.raises(ListenError, match=r"mix-2 cannot listen on 127\.0\.0\.1:42002"):
            network.start()
        assert network.processes.started == []  # type: ignore[attr-defined]


def test_it_waits_until_all_say_that_they_are_healthy(network: TestNetwork) -> None:
    network.start()
    told: list[tuple[int, int]] = []
    for name in NAMES:
        say(network, name, healthy=name != "mix-3")

    def progress(healthy: int, of: int) -> None:
        told.append((healthy, of))
        say(network, "mix-3", healthy=True)

    network.wait_until_healthy(timeout_s=10, progress=progress)
    assert told == [(4, 5), (5, 5)]


def test_a_node_that_ends_or_never_gets_ready_is_named_with_its_last_words(network: TestNetwork) -> None:
    network.start()
    for name in NAMES:
        say(network, name, healthy=name != "mix-3")
    with pytest.raises(UnavailableError, match="mix-3 is not ready after 0 s: the last words of mix-3"):
        network.wait_until_healthy(timeout_s=0.0, progress=lambda *_: None)
    network.processes.gone.append("mix-3")  # type: ignore[attr-defined]
    with pytest.raises(UnavailableError, match="mix-3 ended: the last words of mix-3"):
        network.wait_until_healthy(timeout_s=10, progress=lambda *_: None)


def test_what_another_process_said_before_does_not_count(network: TestNetwork) -> None:
    network.start()
    say(network, "mix-1", healthy=True, pid=1)
    assert network.statuses()["mix-1"] is None


@pytest.fixture
def extended(tmp_path: Path) -> TestNetwork:
    plan = TestnetPlan(
        width=1,
        providers=2,
        base_port=42_100,
        services=(
            PlannedService("echo", provider=2, settings={"loud": True, "places": ["Oslo"]}),
            PlannedService("keys", provider=2),
        ),
        programs=(
            PlannedProgram(
                "board", ("{python}", "-P", "-m", "board", "{directory}", "{network}/x", "{trust_root}"), socket="s"
            ),
        ),
        clients=(PlannedClient("carol", provider=2), PlannedClient("dave", guest=True)),
    )
    made = TestNetwork.create(tmp_path / "net", plan)
    made.processes = FakeTable()  # type: ignore[assignment]
    return made


def test_a_service_gets_its_settings_at_its_provider_only(extended: TestNetwork) -> None:
    first, _, _ = load_node(extended.directory / "provider-1", ProviderConfig)
    second, _, _ = load_node(extended.directory / "provider-2", ProviderConfig)
    assert first.service == {}
    assert second.service == {"echo": {"loud": True, "places": ["Oslo"]}}
    assert first.registration.guests is second.registration.guests is GuestMode.OPEN


def test_a_service_that_a_program_answers_has_its_settings_there(tmp_path: Path) -> None:
    plan = TestnetPlan(
        width=1,
        providers=2,
        services=(PlannedService("poll", 2, {"question": "Why?", "options": ["a", "b"]}, "poll-program"),),
        programs=(serving_program("poll"),),
    )
    net = TestNetwork.create(tmp_path / "net", plan).directory
    config, _, _ = load_node(net / "provider-2", ProviderConfig)
    assert config.remote["poll"].socket == f"{net}/poll-program/socket"
    assert (config.services, config.service) == (("echo", "keys", "loop"), {})
    assert tomllib.loads((net / "poll-program" / "poll.toml").read_text()) == {
        "question": "Why?",
        "options": ["a", "b"],
    }
    other, _, _ = load_node(net / "provider-1", ProviderConfig)
    assert other.remote == {}


def test_clients_of_a_test_network_wait_little_for_tokens(extended: TestNetwork) -> None:
    config = tomllib.loads((extended.directory / "carol" / "client.toml").read_text())
    assert config["client"]["tokens"] == {"fetch_mean_s": 1.0, "rest_mean_s": 2.0}


def test_programs_and_clients_are_started_and_looked_at_with_the_nodes(extended: TestNetwork) -> None:
    assert extended.start()[-3:] == ["board", "carol", "dave"]
    net = extended.directory
    started = dict(extended.processes.started)  # type: ignore[attr-defined]
    assert started["board"] == [sys.executable, "-P", "-m", "board", f"{net}/board", f"{net}/x", f"{net}/network.toml"]
    assert started["carol"] == ["client", "run", f"{net}/carol"]
    assert extended.others() == {
        "board": "does not listen on s yet",
        "carol": "starting",
        "dave": "starting",
    }
    (net / "carol" / "api.url").touch()
    with DirectoryLock(net / "carol" / "client.lock"), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(net / "board" / "s"))
        listening.listen()
        assert extended.others() == {"board": None, "carol": None, "dave": "starting"}
    extended.processes.gone.append("carol")  # type: ignore[attr-defined]
    assert extended.others()["carol"] == "stopped"


def test_it_waits_for_programs_and_clients_too(extended: TestNetwork) -> None:
    extended.start()
    for node in extended.nodes:
        say(extended, node.name, healthy=True)
    with pytest.raises(UnavailableError, match="board is not ready after 0 s: the last words of board"):
        extended.wait_until_healthy(timeout_s=0.0, progress=lambda *_: None)


def test_a_command_in_this_process_says_nothing_and_raises_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MisuseError, match="Missing option"):
        run_command("mix", ["init", "nowhere"])
    assert capsys.readouterr().out == ""

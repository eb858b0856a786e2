"""`loopixmix testnet`: the commands around a network that is not started here."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from loopixmix.commands import testnet as commands
from loopixmix.commands.testnet import testnet as command_group
from loopixmix.commands.testnet import wait_with_progress
from loopixmix.errors import UnavailableError
from loopixmix.main import EXIT_MISUSE, run
from loopixmix.process.files import DirectoryLock
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedProgram


def command(*arguments: object) -> int:
    return run([str(argument) for argument in arguments], command=command_group)


def init(directory: Path) -> int:
    return command("init", directory, "--width", 1, "--providers", 1, "--layers", 1, "--base-port", 41_000)


def test_a_new_network_is_described_and_is_not_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "net"
    assert init(directory) == 0
    assert "3 nodes" in capsys.readouterr().out
    assert command("status", directory, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert {name: entry["health"] for name, entry in report.items()} == {
        "authority": "stopped",
        "mix-1": "stopped",
        "provider-1": "stopped",
    }
    assert command("status", directory, "--once") == 1
    assert "stopped" in capsys.readouterr().out
    assert command("down", directory) == 0
    assert "nothing was running" in capsys.readouterr().out


def test_what_cannot_be_a_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("up", tmp_path) == EXIT_MISUSE
    assert "holds no test network" in capsys.readouterr().err
    (tmp_path / "mine").write_text("kept")
    assert init(tmp_path) == EXIT_MISUSE
    assert "is not empty" in capsys.readouterr().err
    assert command("init", tmp_path / "net", "--width", 1000) == EXIT_MISUSE
    assert capsys.readouterr().err.startswith("loopixmix: --width: expected a whole number <= ")
    assert command("init", tmp_path / "net", "--delay-mean-s", 0) == EXIT_MISUSE
    assert capsys.readouterr().err.startswith("loopixmix: --delay-mean-s: expected a number > ")
    assert command("init", tmp_path / "net", "--grace-s", 5000) == EXIT_MISUSE
    assert capsys.readouterr().err.startswith("loopixmix: grace_s (5000) must be less than half")


class Growing(TestNetwork):
    """A network of which one node more is healthy each time one looks."""

    def __init__(self, directory: Path, *, fails: bool) -> None:
        super().__init__(directory)
        self.fails = fails

    def wait_until_healthy(self, *, timeout_s: float, progress: object) -> None:
        for healthy in range(len(self.nodes) + 1):
            progress(healthy, len(self.nodes))  # type: ignore[operator]
        if self.fails:
            raise UnavailableError("mix-1 ended: a port is in use")


@pytest.mark.parametrize("fails", [False, True])
def test_waiting_shows_how_many_nodes_are_ready(tmp_path: Path, fails: bool) -> None:
    init(tmp_path / "net")
    console = Console(file=io.StringIO(), force_terminal=True, width=100, _environ={})
    network = Growing(tmp_path / "net", fails=fails)
    if fails:
        with pytest.raises(UnavailableError, match="a port is in use"):
            wait_with_progress(network, console)
    else:
        wait_with_progress(network, console)
    assert isinstance(console.file, io.StringIO)
    assert "3 of 3" in console.file.getvalue()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "a network of 3 nodes. "),
        ({"clients": (PlannedClient("carol"),)}, "a network of 3 nodes and 1 client. "),
        (
            {"programs": (PlannedProgram("board", ("true",)),), "clients": (PlannedClient("a"), PlannedClient("b"))},
            "a network of 3 nodes, 1 program and 2 clients. ",
        ),
    ],
)
def test_a_new_network_says_what_is_in_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, object],
    told: str,
) -> None:
    monkeypatch.setattr(commands, "plan_with", lambda plan, _: plan.with_additions(Additions(**more)))
    assert init(tmp_path / "net") == 0
    assert told in capsys.readouterr().out


class FailedAtOnce(TestNetwork):
    """A network whose first node ends at its start, while the others go on."""

    others = 2

    def start(self) -> list[str]:
        return self.names

    def wait_until_healthy(self, *, timeout_s: float, progress: object) -> None:
        self.processes.running = lambda: dict.fromkeys(self.names[: self.others])  # type: ignore[method-assign]
        raise UnavailableError("mix-1 ended: a port is in use")


@pytest.mark.parametrize(
    ("others", "told"),
    [(2, "2 processes go on running: look with"), (1, "1 process goes on"), (0, "nothing of it runs")],
)
def test_a_start_that_fails_says_what_goes_on_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, others: int, told: str
) -> None:
    init(tmp_path / "net")
    monkeypatch.setattr(FailedAtOnce, "others", others)
    monkeypatch.setattr(commands, "TestNetwork", FailedAtOnce)
    assert command("up", tmp_path / "net") == 1
    assert f"mix-1 ended: a port is in use; {told}" in capsys.readouterr().err


def test_what_runs_already_is_not_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path / "net")
    monkeypatch.setattr(TestNetwork, "start", lambda _: [])
    assert command("up", tmp_path / "net") == 0
    assert f"all of it runs already; see how it is with  loopixmix testnet status {tmp_path / 'net'}" in (
        capsys.readouterr().out
    )


def test_a_node_that_its_own_command_runs_is_no_stopped_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "net")
    with DirectoryLock(tmp_path / "net" / "mix-1" / "node.lock"):
        with DirectoryLock(tmp_path / "net" / "authority" / "authority.lock"):
            capsys.readouterr()
            assert command("status", tmp_path / "net", "--json") == 1
            told = json.loads(capsys.readouterr().out)
            assert {name: of["health"] for name, of in told.items() if of["health"] != "stopped"} == {
                "authority": "starting",
                "mix-1": "starting",
            }
        assert command("down", tmp_path / "net") == 0
    assert f"mix-1 goes on: it was started by its own command, as process {os.getpid()}" in capsys.readouterr().out

"""The demo itself, as a stranger runs it: real processes, a real network, a verdict."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from loopixmix.testnet.processes import ProcessTable
from tests.worlds.commands import command_text as loopixmix
from tests.worlds.processes import is_running
from tests.worlds.terminal import Terminal

BASE_PORT = 32_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A demo that left its network running, and what it printed."""
    directory = tmp_path_factory.mktemp("demo") / "net"
    user = Terminal(directory.with_name("home"))
    arguments = ("demo", "--json", "--keep", "--dir", directory, "--base-port", BASE_PORT)
    try:
        yield directory, user.attempt(*arguments, patience_s=240)
    finally:
        if directory.exists():
            ProcessTable(directory).stop(grace_s=10)


def test_the_demo_passes_every_check(kept: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, result = kept
    verdict = json.loads(result.stdout)
    assert set(verdict) == {"passed", "checks", "figures"}
    # How long it takes and how much memory is a matter of the machine: benchmarks, not tests, show speeds.
    failed = [check for check in verdict["checks"] if not check["passed"] and check["name"] != "demo time"]
    assert failed == []
    assert result.returncode == (0 if verdict["passed"] else 1)
    assert len(verdict["checks"]) >= 12
    assert {"demo_s", "demo_memory_mb"} <= set(verdict["figures"])
    assert {"mail with an attachment", "the bridge's line on it"} <= {check["name"] for check in verdict["checks"]}


def test_progress_goes_to_stderr_and_says_what_to_try_next(
    kept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    directory, result = kept
    assert "sending a 1 MB file" in result.stderr
    assert f"loopixmix testnet down {directory}" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_kept_network_can_be_watched_used_and_stopped(
    kept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    directory, _ = kept
    report = json.loads(loopixmix("testnet", "status", "--json", str(directory)).stdout)
    assert {node["health"] for node in report.values()} == {"ok"}
    assert len(report) == 9
    assert "mix-1" in loopixmix("testnet", "status", "--once", str(directory)).stdout
    assert loopixmix("client", "status", "--json", str(directory / "alice")).returncode == 0
    assert "runs already" in loopixmix("testnet", "up", str(directory)).stdout
    processes = ProcessTable(directory).running()
    down = loopixmix("testnet", "down", str(directory))
    assert down.returncode == 0
    assert "stopped 12 processes" in down.stdout
    assert not any(is_running(process.pid) for process in processes.values())
    assert "nothing was running" in loopixmix("testnet", "down", str(directory)).stdout


def test_a_second_start_goes_on_with_the_same_keys(
    kept: tuple[Path, subprocess.CompletedProcess[str]], terminal: Terminal
) -> None:
    directory, _ = kept
    before = (directory / "mix-1" / "identity.key").read_bytes()
    try:
        terminal.run("testnet", "up", directory, patience_s=150)
        assert (directory / "mix-1" / "identity.key").read_bytes() == before
    finally:
        loopixmix("testnet", "down", str(directory))


def test_misuse_is_one_line_and_exit_2(tmp_path: Path) -> None:
    missing = loopixmix("testnet", "up", str(tmp_path / "nothing"))
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    full = loopixmix("testnet", "init", str(tmp_path / "full"))
    assert full.returncode == 2
    assert "not empty" in full.stderr
    absurd = loopixmix("testnet", "init", str(tmp_path / "absurd"), "--delay-mean-s", "-1")
    assert absurd.returncode == 2
    assert "Traceback" not in absurd.stderr


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    import socket

    # Below the ports that the system hands out: one of those, just before it, may be taken as well.
    port = 29_503
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        directory = tmp_path / "net"
        assert loopixmix("testnet", "init", str(directory), "--base-port", str(port - 3)).returncode == 0
        result = loopixmix("testnet", "up", str(directory))
    assert result.returncode == 2
    assert str(port) in result.stderr
    assert "base-port" in result.stderr
    assert not ProcessTable(directory).running()

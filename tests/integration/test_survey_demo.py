"""The demonstration of statistics, as a stranger runs it: a network, all parties, a verdict; and what ctrl-C leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from loopixmix.process.background import loopixmix_command
from tests.worlds.demonstrations import processes_in

BASE_PORT = 22_500
MOST_S = 1000
"""Longer than on a machine that does much else; what ends later hangs."""
OF_THE_MACHINE = ("time",)
"""How long it takes is a matter of the machine: benchmarks, not tests, show speeds."""


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path: that of a Unix socket in it has at most 107 bytes."""
    return tmp_path_factory.mktemp("demo") / "s"


def command(directory: Path, port: int, *more: str) -> list[str]:
    return [*loopixmix_command("stats", "demo", "--dir", str(directory), "--base-port", str(port)), *more]


@pytest.mark.long
@pytest.mark.needs("statsmodels")
def test_the_demo_passes_every_check_and_leaves_nothing_running(directory: Path) -> None:
    line = command(directory, BASE_PORT, "--people", "24", "--json")
    done = subprocess.run(line, capture_output=True, text=True, timeout=MOST_S, check=False)
    assert done.stdout, done.stderr
    verdict = json.loads(done.stdout)
    failed = [check for check in verdict["checks"] if not check["passed"] and check["name"] not in OF_THE_MACHINE]
    assert failed == []
    assert done.returncode == (0 if verdict["passed"] else 1)
    assert {"another report with the same token", "each report released once", "load of all nodes"} <= {
        check["name"] for check in verdict["checks"]
    }
    # The story is told on stderr, truth beside estimate.
    assert "How do you rate your marriage?  (24 reports)" in done.stderr
    assert "refused                a second token for the same code" in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_in(directory) == []


@pytest.mark.long
@pytest.mark.needs("statsmodels")
def test_ctrl_c_stops_every_process(directory: Path) -> None:
    running = subprocess.Popen(command(directory, BASE_PORT + 40, "--people", "12"), stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 90
    while len(processes_in(directory / "net")) < 12:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, complained = running.communicate(timeout=60)
    assert running.returncode not in (0, None)
    assert "Traceback" not in complained
    assert processes_in(directory) == []

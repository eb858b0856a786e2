"""The demonstration of elections, as a stranger runs it: a network, all parties, a verdict; and what ctrl-C leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from loopixmix.process.background import loopixmix_command
from tests.worlds.demonstrations import processes_in
from votes.results.documents import decode_result

BASE_PORT = 29_100
MOST_S = 1000
"""Longer than on a machine that does much else; what ends later hangs."""
OF_THE_MACHINE = ("time",)
"""How long it takes is a matter of the machine: benchmarks, not tests, show speeds."""


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path: that of a Unix socket in it has at most 107 bytes."""
    return tmp_path_factory.mktemp("demo") / "e"


def command(directory: Path, port: int, *more: str) -> list[str]:
    return [*loopixmix_command("vote", "demo", "--dir", str(directory), "--base-port", str(port)), *more]


@pytest.mark.long
def test_the_demo_passes_every_check_and_leaves_nothing_running(directory: Path) -> None:
    line = command(directory, BASE_PORT, "--voters", "25", "--json")
    done = subprocess.run(line, capture_output=True, text=True, timeout=MOST_S, check=False)
    verdict = json.loads(done.stdout)
    failed = [check for check in verdict["checks"] if not check["passed"] and check["name"] not in OF_THE_MACHINE]
    assert failed == []
    assert done.returncode == (0 if verdict["passed"] else 1)
    assert {"the cheating mixer", "the bad trustee", "the verifier", "load of all nodes"} <= {
        check["name"] for check in verdict["checks"]
    }
    # The story is told on stderr, and names who cheats.
    assert "mixer South            refuses it: loopixmix: mixer 0 (North), poll 0" in done.stderr
    assert "trustee 2: its share is not the decryption" in done.stderr
    assert "Traceback" not in done.stderr
    result = decode_result((directory / "out-administrator" / "result.json").read_bytes())
    assert [poll.ballots for poll in result.polls] == [25, 25, 25]
    assert processes_in(directory) == []


@pytest.mark.long
def test_ctrl_c_ends_every_process(directory: Path) -> None:
    process = subprocess.Popen(
        command(directory, BASE_PORT + 30, "--voters", "5"),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "guests" in line:
                break
        # In the middle of the making of the key, with trustees at work.
        time.sleep(2)
        assert len(processes_in(directory)) > 10
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert processes_in(directory) == []
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
        for left in processes_in(directory):
            left.kill()

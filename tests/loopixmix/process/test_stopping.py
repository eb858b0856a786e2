"""The program of a directory is ended from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.errors import UnavailableError
from loopixmix.process.files import lock_holder
from loopixmix.process.stopping import stop_holder

HOLDER = """
import signal, sys, time
from pathlib import Path
from loopixmix.process.files import DirectoryLock

signal.signal(signal.SIGTERM, (lambda *_: None) if sys.argv[2] == "deaf" else (lambda *_: sys.exit(0)))
with DirectoryLock(Path(sys.argv[1])):
    print("ready", flush=True)
    while True:
        time.sleep(0.02)
"""


class Holders:
    """Processes that hold a lock."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", HOLDER, str(self.lock), how]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Holders]:
    made = Holders(tmp_path / "client.lock")
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def test_the_holder_is_asked_and_has_ended_afterwards(holders: Holders) -> None:
    process = holders.start("hears")
    assert stop_holder(holders.lock, within_s=20) == process.pid
    assert lock_holder(holders.lock) is None
    assert process.wait(timeout=20) == 0


def test_where_none_runs_there_is_nothing_to_stop(holders: Holders) -> None:
    assert stop_holder(holders.lock, within_s=1) is None
    process = holders.start("hears")
    process.kill()
    process.wait()
    # The number of the process that was killed still stands in the file.
    assert holders.lock.read_text() == f"{process.pid}\n"
    assert stop_holder(holders.lock, within_s=1) is None


def test_one_that_does_not_end_is_told_and_goes_on(holders: Holders) -> None:
    process = holders.start("deaf")
    with pytest.raises(UnavailableError, match=rf"process {process.pid} has not ended after 0\.2 s: it goes on"):
        stop_holder(holders.lock, within_s=0.2)
    assert process.poll() is None

"""Processes are found again, and stopped, by whoever opens the table next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loopixmix.errors import StoreError
from loopixmix.testnet.processes import PROCESSES_FILE, ProcessTable, RunningProcess, memory_bytes

SLEEPS = "import time; time.sleep(60)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


class Sleepers:
    """Processes that stand in the table of a directory as if `start` had started them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.made: list[subprocess.Popen[str]] = []

    def add(self, name: str, code: str = SLEEPS) -> psutil.Process:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        self.made.append(process)
        if code == STUBBORN:
            assert process.stdout is not None
            process.stdout.readline()
        found = psutil.Process(process.pid)
        table = ProcessTable(self.directory)
        table._table[name] = RunningProcess(process.pid, found.create_time(), self.directory.stat().st_ino)
        table._save()
        return found

    def reap(self) -> None:
        for process in self.made:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[Sleepers]:
    made = Sleepers(tmp_path)
    yield made
    made.reap()


def test_an_empty_directory_has_none(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path)
    assert (dict(table.running()), table.exited(), table.stop(grace_s=1)) == ({}, [], [])


def test_those_that_run_are_found_again_and_the_others_named(sleepers: Sleepers) -> None:
    first = sleepers.add("mix-1")
    sleepers.add("mix-2", "pass")
    sleepers.made[-1].wait()
    table = ProcessTable(sleepers.directory)
    assert {name: process.pid for name, process in table.running().items()} == {"mix-1": first.pid}
    assert table.exited() == ["mix-2"]
    assert memory_bytes(first) > 0


def test_another_process_with_the_same_number_is_not_taken_for_ours(sleepers: Sleepers) -> None:
    process = sleepers.add("mix-1")
    assert RunningProcess(process.pid, process.create_time() - 60, 1).find() is None
    assert RunningProcess(2**22 + 1, 0.0, 1).find() is None


def test_all_are_asked_to_end_and_who_does_not_is_killed(sleepers: Sleepers) -> None:
    sleepers.add("mix-1")
    sleepers.add("mix-2", STUBBORN)
    table = ProcessTable(sleepers.directory)
    assert table.stop(grace_s=0.5) == ["mix-2"]
    assert not any(psutil.pid_exists(process.pid) for process in sleepers.made)
    assert dict(ProcessTable(sleepers.directory).running()) == {}


def test_a_command_is_started_with_its_output_in_a_file(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path)
    table.start("mix-1", ["mix", "run", str(tmp_path / "gone")])
    [process] = table.running().values() or [None]
    if process is not None:
        psutil.wait_procs([process], timeout=30)
    assert "there is no such directory" in table.last_words("mix-1", lines=1)
    assert table.exited() == ["mix-1"]
    assert table.last_words("mix-2") == ""


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text("{")
    with pytest.raises(StoreError, match=r"processes\.json"):
        ProcessTable(tmp_path)


def test_a_process_that_is_gone_takes_no_memory() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(gone.pid)
    gone.wait()
    assert memory_bytes(process) == 0
    assert memory_bytes(psutil.Process(os.getpid())) > 0


def test_a_copy_of_a_network_has_no_processes_and_stops_none(sleepers: Sleepers, tmp_path: Path) -> None:
    process = sleepers.add("mix-1")
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / PROCESSES_FILE, copy)
    assert set(ProcessTable(tmp_path).running()) == {"mix-1"}
    table = ProcessTable(copy)
    assert (table.running(), table.exited(), table.stop(grace_s=0.1)) == ({}, [], [])
    assert process.is_running()

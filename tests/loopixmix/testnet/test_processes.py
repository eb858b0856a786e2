"""Processes are found again, and stopped, by whoever opens the table next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loopixmix.process.files import LockedError
from loopixmix.testnet.processes import PROCESSES, ProcessTable, memory_bytes

SLEEPS = "import time; time.sleep(60)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


class Sleepers:
    """Processes of a test network that sleep, or end at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, name: str, code: str = SLEEPS) -> psutil.Process | None:
        table = ProcessTable(self.directory)
        table.start_program(name, [sys.executable, "-c", code])
        while code == STUBBORN and not table.last_words(name):
            time.sleep(0.01)
        return table.running().get(name)


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[Sleepers]:
    yield Sleepers(tmp_path)
    ProcessTable(tmp_path).stop(grace_s=0)


def wait_until_ended(process: psutil.Process | None) -> None:
    if process is not None:
        psutil.wait_procs([process], timeout=30)


def test_an_empty_directory_has_none(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path)
    assert (dict(table.running()), table.exited(), table.stop(grace_s=1)) == ({}, [], [])


def test_those_that_run_are_found_again_and_the_others_named(sleepers: Sleepers) -> None:
    first = sleepers.add("people/mix-1")
    wait_until_ended(sleepers.add("mix-2", "pass"))
    table = ProcessTable(sleepers.directory)
    assert first is not None
    assert {name: process.pid for name, process in table.running().items()} == {"people/mix-1": first.pid}
    assert table.exited() == ["mix-2"]
    assert memory_bytes(first) > 0
    with pytest.raises(LockedError, match=f"is in use by process {first.pid}"):
        sleepers.add("people/mix-1")


def test_another_process_with_the_same_number_is_neither_taken_for_ours_nor_stopped(sleepers: Sleepers) -> None:
    wait_until_ended(sleepers.add("mix-1", "pass"))
    other = subprocess.Popen([sys.executable, "-c", SLEEPS])
    # The system gives the numbers of ended processes away again.
    [lock] = (sleepers.directory / PROCESSES).iterdir()
    lock.write_text(f"{other.pid}\n")
    table = ProcessTable(sleepers.directory)
    assert (dict(table.running()), table.exited(), table.stop(grace_s=0.1)) == ({}, ["mix-1"], [])
    assert other.poll() is None
    other.kill()
    other.wait()


def test_all_are_asked_to_end_and_who_does_not_is_killed(sleepers: Sleepers) -> None:
    made = [sleepers.add("mix-1"), sleepers.add("mix-2", STUBBORN)]
    table = ProcessTable(sleepers.directory)
    assert table.stop(grace_s=0.5) == ["mix-2"]
    assert not any(each is not None and each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in made)
    assert dict(ProcessTable(sleepers.directory).running()) == {}
    assert table.exited() == []


def test_commands_at_the_same_time_lose_no_process(sleepers: Sleepers) -> None:
    # Each has read the table before the other one started anything.
    first, second = ProcessTable(sleepers.directory), ProcessTable(sleepers.directory)
    first.start_program("mix-1", [sys.executable, "-c", SLEEPS])
    second.start_program("mix-2", [sys.executable, "-c", SLEEPS])
    first.start_program("mix-3", [sys.executable, "-c", SLEEPS])
    for table in (first, second, ProcessTable(sleepers.directory)):
        assert sorted(table.running()) == ["mix-1", "mix-2", "mix-3"]


def test_a_command_is_started_with_its_output_in_a_file(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path)
    table.start("mix-1", ["mix", "run", str(tmp_path / "gone")])
    wait_until_ended(table.running().get("mix-1"))
    assert "there is no such directory" in table.last_words("mix-1", lines=1)
    assert table.exited() == ["mix-1"]
    assert table.last_words("mix-2") == ""


def test_a_process_that_is_gone_takes_no_memory() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(gone.pid)
    gone.wait()
    assert memory_bytes(process) == 0
    assert memory_bytes(psutil.Process(os.getpid())) > 0


def test_a_copy_of_a_network_has_no_processes_and_stops_none(sleepers: Sleepers, tmp_path: Path) -> None:
    process = sleepers.add("mix-1")
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / PROCESSES, copy / PROCESSES)
    assert set(ProcessTable(tmp_path).running()) == {"mix-1"}
    table = ProcessTable(copy)
    assert (dict(table.running()), table.stop(grace_s=0.1)) == ({}, [])
    assert process is not None
    assert process.is_running()

"""What the commands of mixes and providers have in common."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from loopixmix.commands.node import ask_to_withdraw, row_of, running_status, show_status, status_rows
from loopixmix.errors import UnavailableError
from loopixmix.node.config import LOCK_FILE
from loopixmix.observing.observers import LinkCounts, LoopCounts
from loopixmix.observing.status import NodeStatus
from loopixmix.process.files import DirectoryLock
from loopixmix.process.status import StatusFile

STATUS = NodeStatus(
    name="mix1",
    id="ab" * 32,
    role="mix",
    layer=2,
    pid=os.getpid(),
    started_at_s=1_800_000_000.0,
    written_at_s=1_800_000_100.0,
    epoch=500_000,
    healthy=True,
    problem=None,
    engine="native",
    packets_in=12_345,
    dropped={"replay": 2, "bad_mac": 1_000},
    loops=LoopCounts(sent=5, returned=4, lost=1, mean_s=0.5),
    links=LinkCounts(open=3),
    extra={"held_mean": 2.5},
)


def rows(status: NodeStatus, *, now_s: float = STATUS.written_at_s) -> dict[str, object]:
    return dict(status_rows(status, now_s=now_s))


def test_a_person_reads_the_status_in_rows() -> None:
    shown = rows(STATUS)
    assert shown["health"] == "ok"
    assert shown["role"] == "mix, layer 2"
    assert shown["running since"] == "2027-01-15 08:00:00+00:00"
    assert shown["packets"] == "12,345 in, 0 out, 0 ended here"
    assert shown["dropped"] == "2 replay, 1,000 bad_mac"
    assert shown["links"] == "3 open; refused: none"
    assert shown["held mean"] == 2.5


def test_what_is_wrong_comes_first_and_silence_is_worst() -> None:
    sick = msgspec.structs.replace(STATUS, healthy=False, problem="no link to mix2")
    assert rows(sick)["health"] == "no link to mix2"
    assert rows(sick, now_s=STATUS.written_at_s + 10)["health"] == "not answering for 10 s"
    assert rows(msgspec.structs.replace(STATUS, role="provider", layer=None))["role"] == "provider"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """The directory of a node that runs: this process."""
    directory = tmp_path / "mix1"
    directory.mkdir()
    with DirectoryLock(directory / LOCK_FILE):
        StatusFile(directory).write(msgspec.structs.replace(STATUS, written_at_s=time.time()))
        yield directory


def tell(directory: Path, **changes: object) -> None:
    """Write another status."""
    StatusFile(directory).write(msgspec.structs.replace(STATUS, **{"written_at_s": time.time(), **changes}))


def test_a_program_reads_it_as_it_was_written(running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_status(running, as_json=True)
    found = msgspec.json.decode(capsys.readouterr().out, type=NodeStatus)
    assert msgspec.structs.replace(found, written_at_s=STATUS.written_at_s) == STATUS


def test_a_node_that_answers_no_more_fails_the_command(running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(running, written_at_s=time.time() - 60)
    for as_json, check in ((False, False), (True, False), (False, True)):
        with pytest.raises(click.exceptions.Exit) as ended:
            show_status(running, as_json=as_json, check=check)
        assert ended.value.exit_code == 1
    assert "not answering for 60 s" in capsys.readouterr().out
    # It was stopped, and then the clock was set back.
    tell(running, written_at_s=time.time() + 60)
    with pytest.raises(click.exceptions.Exit):
        show_status(running, as_json=False, check=True)
    assert capsys.readouterr().out == "mix1: not answering since the clock was set back\n"


def test_a_monitor_learns_whether_all_is_well(running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_status(running, as_json=False, check=True)
    assert capsys.readouterr().out == "mix1: ok\n"
    tell(running, healthy=False, problem="no link to mix2")
    show_status(running, as_json=False)
    capsys.readouterr()
    with pytest.raises(click.exceptions.Exit) as ended:
        show_status(running, as_json=False, check=True)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().out == "mix1: no link to mix2\n"


def test_where_no_node_runs_the_command_says_so(running: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no node runs here$"):
        running_status(tmp_path)
    # A copy has the lock file and the status of the original; its lock is held by nobody.
    copy = tmp_path / "copy"
    shutil.copytree(running, copy)
    assert (copy / LOCK_FILE).read_text() == f"{os.getpid()}\n"
    assert running_status(running).pid == os.getpid()
    with pytest.raises(UnavailableError, match="copy: no node runs here; its status is of"):
        running_status(copy)
    with pytest.raises(UnavailableError, match="no node runs here"):
        ask_to_withdraw(copy)


def test_a_status_that_a_killed_node_left_is_not_that_of_its_successor(running: Path) -> None:
    tell(running, pid=1)
    with pytest.raises(UnavailableError, match=f"process {os.getpid()} has not told its status yet"):
        running_status(running)


@pytest.fixture
def heard() -> Iterator[list[int]]:
    signals: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    yield signals
    signal.signal(signal.SIGUSR1, before)


def test_withdrawing_sends_the_node_a_signal(
    running: Path, heard: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    ask_to_withdraw(running)
    deadline_s = time.monotonic() + 5
    while not heard and time.monotonic() < deadline_s:
        time.sleep(0.001)
    assert heard == [signal.SIGUSR1]
    assert "asked to withdraw" in capsys.readouterr().out


def test_a_row_that_is_wider_than_the_terminal_is_broken_between_words() -> None:
    value = "0 answered, 0 failed, 0 refused, 0 under way, 0 waiting, 0 incomplete, 0 answers put aside"
    first, second = row_of("service echo", value, width=80).splitlines()
    assert (len(first) <= 80, first[:18], second[:17]) == (True, "service echo     0", " " * 17)
    assert f"{first} {second.strip()}" == row_of("service echo", value, width=None)
    assert row_of("id", "ab" * 32, width=80) == row_of("id", "ab" * 32, width=None)

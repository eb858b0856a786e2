"""What the commands of mixes and providers have in common."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loopixmix.commands.node import ask_to_withdraw, running_status, show_status, status_rows
from loopixmix.errors import UnavailableError
from loopixmix.observing.observers import LinkCounts, LoopCounts
from loopixmix.observing.status import NodeStatus
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


def test_a_program_reads_it_as_it_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    StatusFile(tmp_path).write(STATUS)
    show_status(tmp_path, as_json=True)
    assert msgspec.json.decode(capsys.readouterr().out, type=NodeStatus) == STATUS
    StatusFile(tmp_path).write(msgspec.structs.replace(STATUS, written_at_s=0.0))
    show_status(tmp_path, as_json=False)
    assert "not answering for" in capsys.readouterr().out


def test_where_no_node_runs_the_command_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no node runs here"):
        running_status(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    StatusFile(tmp_path).write(msgspec.structs.replace(STATUS, pid=ended.pid))
    with pytest.raises(UnavailableError, match=f"process {ended.pid} ended without a word"):
        running_status(tmp_path)


@pytest.fixture
def heard() -> Iterator[list[int]]:
    signals: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    yield signals
    signal.signal(signal.SIGUSR1, before)


def test_withdrawing_sends_the_node_a_signal(
    tmp_path: Path, heard: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    StatusFile(tmp_path).write(STATUS)
    ask_to_withdraw(tmp_path)
    deadline_s = time.monotonic() + 5
    while not heard and time.monotonic() < deadline_s:
        time.sleep(0.001)
    assert heard == [signal.SIGUSR1]
    assert "asked to withdraw" in capsys.readouterr().out

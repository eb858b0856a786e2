"""Whether programs and clients are ready."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from loopixmix.process.files import DirectoryLock
from loopixmix.testnet.plan import PlannedProgram
from loopixmix.testnet.readiness import client_problem, program_problem

PID = 77


def test_a_program_without_a_sign_is_ready_as_soon_as_it_runs(tmp_path: Path) -> None:
    assert program_problem(PlannedProgram("board", ("x",)), tmp_path, PID) is None


def test_a_socket_counts_when_somebody_listens_on_it(tmp_path: Path) -> None:
    board = PlannedProgram("board", ("x",), socket="board.sock")
    late = "does not listen on board.sock yet"
    assert program_problem(board, tmp_path, PID) == late
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "board.sock"))
        assert program_problem(board, tmp_path, PID) == late
        listening.listen()
        assert program_problem(board, tmp_path, PID) is None
    assert program_problem(board, tmp_path, PID) == late  # the file is still there


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (b"", None),
        (b"ready", None),
        (b"\xff", None),
        (b"{}", None),
        (b'{"problem": null, "pid": 77, "more": [1]}', None),
        (b'{"problem": "the disk is full", "pid": 77}', "the disk is full"),
        (b'{"problem": null, "pid": 76}', "has not written status.json yet"),
    ],
)
def test_a_status_file_is_a_mark_or_a_report(tmp_path: Path, told: bytes, problem: str | None) -> None:
    board = PlannedProgram("board", ("x",), status_file="status.json")
    assert program_problem(board, tmp_path, PID) == "has not written status.json yet"
    (tmp_path / "status.json").write_bytes(told)
    assert program_problem(board, tmp_path, PID) == problem


def test_a_client_is_ready_when_its_daemon_says_where_it_answers(tmp_path: Path) -> None:
    people = PlannedProgram("people-1", ("x",), status_file="../alice/api.url")
    alice, program = tmp_path / "alice", tmp_path / "people-1"
    alice.mkdir()
    program.mkdir()

    def problems(pid: int) -> set[str | None]:
        return {client_problem(alice, pid), program_problem(people, program, pid)}

    assert problems(os.getpid()) == {"starting"}
    (alice / "api.url").touch()
    # A daemon that was killed left its address behind, and its lock file as well.
    (alice / "client.lock").write_text(f"{os.getpid()}\n")
    assert problems(os.getpid()) == {"starting"}
    with DirectoryLock(alice / "client.lock"):
        assert problems(os.getpid()) == {None}
        assert problems(PID) == {"starting"}  # another one has it

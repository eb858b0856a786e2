"""Programs in the background: real processes, of a shell and its tools."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.process.background import is_running, last_words, loopixmix_command, start_in_background


def wait_until(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_program_goes_on_in_a_session_of_its_own_until_it_ends(tmp_path: Path) -> None:
    pid = start_in_background(["/bin/sleep", "60"], log=tmp_path / "log", environment={})
    assert is_running(pid)
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_running(pid))


def test_its_output_is_appended_to_its_log_and_arguments_are_passed_as_they_are(tmp_path: Path) -> None:
    log = tmp_path / "new folder" / "log $HOME"
    for words in ("one; two", "$THREE"):
        command = ["/bin/sh", "-c", 'echo "$1" "$OWN" "$PWD"; echo sorry >&2', "sh", words]
        pid = start_in_background(command, log=log, environment={"OWN": "own"}, directory=tmp_path)
        wait_until(lambda pid=pid: not is_running(pid))
    lines = [f"one; two own {tmp_path}", "sorry", f"$THREE own {tmp_path}", "sorry"]
    assert log.read_text().splitlines() == lines
    assert last_words(log, lines=2) == "\n".join(lines[2:])
    assert last_words(tmp_path / "none") == ""


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file: cannot be made"):
        start_in_background(["/bin/true"], log=tmp_path / "file" / "log", environment={})


def test_loopixmix_is_run_by_this_python(tmp_path: Path) -> None:
    pid = start_in_background(loopixmix_command("--help"), log=tmp_path / "log", environment=os.environ)
    wait_until(lambda: not is_running(pid))
    assert "testnet" in (tmp_path / "log").read_text()

"""Programs in the background: real processes, of a shell and its tools."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loopixmix.errors import StoreError, UnavailableError
from loopixmix.process.background import (
    last_words,
    loopixmix_command,
    start_in_background,
    stop_holder,
)
from loopixmix.process.files import lock_holder
from tests.worlds.processes import is_running


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


def test_a_program_holds_its_lock_by_its_own_number_even_if_whoever_started_it_ends_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, started = subprocess.run, []

    def run_and_end(*args: Any, **kwargs: Any) -> None:
        started.append(int(run(*args, **kwargs).stdout))
        raise KeyboardInterrupt

    monkeypatch.setattr("loopixmix.process.background.subprocess.run", run_and_end)
    lock = tmp_path / "it.lock"
    with pytest.raises(KeyboardInterrupt):
        start_in_background(["/bin/sleep", "60"], log=tmp_path / "log", environment={}, lock=lock)
    try:
        wait_until(lambda: lock_holder(lock) == started[0])
        assert is_running(started[0])
    finally:
        os.kill(started[0], signal.SIGKILL)
    wait_until(lambda: lock_holder(lock) is None)


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file: cannot be made"):
        start_in_background(["/bin/true"], log=tmp_path / "file" / "log", environment={})


def test_loopixmix_is_run_by_this_python(tmp_path: Path) -> None:
    pid = start_in_background(loopixmix_command("--help"), log=tmp_path / "log", environment=os.environ)
    wait_until(lambda: not is_running(pid))
    assert "testnet" in (tmp_path / "log").read_text()


def test_modules_that_lie_where_we_are_are_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name in ("msgspec", "provider", "client", "click", "runpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write('{name} ')\n")
    for words in (("--version",), ("provider", "status", "none"), ("client", "status", "none")):
        command = loopixmix_command(*words)
        start = partial(start_in_background, command, log=tmp_path / "log", environment=os.environ)
        pid = start(directory=tmp_path)
        wait_until(lambda pid=pid: not is_running(pid))
    assert not ran.exists(), ran.read_text()
    told = (tmp_path / "log").read_text()
    assert "version" in told
    assert "there is no directory none" in told


def test_python_is_started_nowhere_with_modules_from_where_we_are() -> None:
    root = Path(__file__).parents[3]
    started = re.compile(r"""(?:sys\.executable|"\{python\}"), "-(?:m|c)\"""")
    folders = ("loopixmix", "provider", "client", "leap_plugin", "votes", "stats", "simulations", "benchmarks", "docs")
    sources = [path for folder in folders for path in (root / folder).rglob("*.py")]
    assert len(sources) > 500
    assert [str(path) for path in sources if started.search(path.read_text(encoding="utf-8"))] == []
    nodes = re.compile(started.pattern.replace("(?:m|c)", "m"))
    tests = [path for path in (root / "tests").rglob("*.py") if nodes.search(path.read_text(encoding="utf-8"))]
    assert [str(path) for path in tests] == []


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

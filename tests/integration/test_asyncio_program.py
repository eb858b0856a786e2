"""The program of docs/asyncio.md: the page shows it as it is, its test passes, and it runs against real daemons."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.commands import command

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "answering"
PAGE = (ROOT / "docs" / "asyncio.md").read_text()
SOURCES = [path.read_text() for path in sorted(EXAMPLE.glob("*.py"))]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_page_shows_the_files_as_they_are(block: str) -> None:
    assert any(block in source for source in SOURCES), block


def test_the_test_of_the_example_passes() -> None:
    line = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(line, cwd=EXAMPLE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Path]:
    """The directory of two daemons: alice@home, and bob@away, who has no contact yet."""
    line = [sys.executable, "-P", "-m", "tests.worlds.clients.fake_daemons", str(tmp_path)]
    process = subprocess.Popen(line, env=ENVIRONMENT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield tmp_path
    finally:
        process.terminate()
        process.communicate()


def told(root: Path, *arguments: str) -> str:
    done = command("client", *arguments, directory=root, environment=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_it_asks_at_one_time_answers_what_comes_and_ends_in_order(daemons: Path) -> None:
    told(daemons, "register", "bob", "bob@away")
    told(daemons, "contacts", "alice", "add", "bob@away")
    line = [sys.executable, "-B", str(EXAMPLE / "answering.py"), str(daemons / "bob")]
    program = subprocess.Popen(line, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == b"[b'one', b'two', b'three']\n"
        told(daemons, "send", "alice", "bob@away", "hello")
        deadline_s = time.monotonic() + 30
        while "I got: hello" not in told(daemons, "inbox", "alice"):
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=30)
        assert (program.returncode, errors) == (0, b"")
    finally:
        program.kill()
        program.communicate()


def test_it_says_in_one_line_what_is_wrong() -> None:
    def told(*words: str) -> str:
        line = [sys.executable, "-B", str(EXAMPLE / "answering.py"), *words]
        done = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        return done.stderr

    assert told("nowhere").startswith("there is no directory nowhere")
    assert told("nowhere").count("\n") == 1
    assert "python answering.py DIR" in told()

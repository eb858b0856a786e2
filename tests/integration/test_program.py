"""A program that an application might bring, as a process: thirty lines on `loopixmix.process`, and no more."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APPLICATION = """
import sys
from pathlib import Path

import msgspec
from twisted.logger import Logger

from loopixmix.config import load_config
from loopixmix.errors import LoopixmixError
from loopixmix.main import run
from loopixmix.process.log import LogSettings
from loopixmix.process.main import run_program
from loopixmix.process.program import Program

import click


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fails_after_s: float = 0.0
    log: LogSettings = LogSettings()


class Status(msgspec.Struct, frozen=True):
    ticks: int
    problem: str | None = None


class Counting(Program):
    log = Logger("loopixmix.counting")

    def __init__(self, directory, world):
        self.path, self.world, self.ticks, self.call = directory / "counting.toml", world, 0, None
        self.config = load_config(self.path, Config)

    @property
    def log_settings(self):
        return self.config.log

    def start(self):
        (self.path.parent / "notes").mkdir(exist_ok=True)
        self.tick()
        if self.config.fails_after_s:
            self.world.clock.callLater(self.config.fails_after_s, self.world.end, LoopixmixError("it counted enough"))

    async def stop(self):
        self.call.cancel()
        self.log.info("counted to {ticks}", ticks=self.ticks)

    def reload(self):
        self.config = load_config(self.path, Config)

    def status(self):
        return Status(self.ticks)

    def tick(self):
        self.ticks += 1
        self.call = self.world.clock.callLater(0.01, self.tick)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def count(directory):
    run_program(directory / "counting.lock", lambda world: Counting(directory, world))


sys.exit(run(sys.argv[1:], command=count))
"""


class Processes:
    """The application's directory, and its processes."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "counting"
        self.directory.mkdir()
        self.program = root / "counting.py"
        self.program.write_text(APPLICATION)
        self.started: list[subprocess.Popen[str]] = []
        self.configure("")

    def configure(self, text: str) -> None:
        (self.directory / "counting.toml").write_text(text)

    def start(self) -> subprocess.Popen[str]:
        self.started.append(
            subprocess.Popen(
                [sys.executable, str(self.program), str(self.directory)],
                env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
                stderr=subprocess.PIPE,
                text=True,
                umask=0,
            )
        )
        return self.started[-1]

    def tell(self, process: subprocess.Popen[str], number: signal.Signals) -> str:
        """Send a signal and return the next line that the process logs."""
        process.send_signal(number)
        assert process.stderr is not None
        return process.stderr.readline()

    def wait_for_status(self) -> int:
        deadline_s = time.monotonic() + 30
        path = self.directory / "status.json"
        while not path.exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        return int(json.loads(path.read_bytes())["ticks"])


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def test_it_runs_says_how_it_is_and_ends_in_order(processes: Processes) -> None:
    process = processes.start()
    assert processes.wait_for_status() > 0
    # Whatever the umask is that it was started with: what a program makes is for its user only.
    assert (processes.directory / "notes").stat().st_mode & 0o777 == 0o700
    second = processes.start()
    _, told = second.communicate(timeout=30)
    assert (second.returncode, told) == (
        2,
        f"loopixmix: {processes.directory}: is in use by process {process.pid}\n",
    )
    processes.configure('[log]\nformat = "json"\n')
    assert json.loads(processes.tell(process, signal.SIGHUP))["message"] == "the configuration was read again"
    processes.configure('[log]\nformat = "yaml"\n')
    assert 'key \\"log.format\\"' in processes.tell(process, signal.SIGHUP)
    assert json.loads(processes.tell(process, signal.SIGTERM))["message"] == "stopping"
    assert process.wait(timeout=30) == 0
    assert not (processes.directory / "status.json").exists()


def test_the_error_that_ends_it_is_its_last_line(processes: Processes) -> None:
    processes.configure("fails_after_s = 0.2")
    process = processes.start()
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "counted to" in told
    assert told.splitlines()[-1] == "loopixmix: it counted enough"
    assert "Traceback" not in told


def test_a_mistake_in_its_configuration_is_its_only_line(processes: Processes) -> None:
    processes.configure("fails = 1")
    process = processes.start()
    _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert told.count("\n") == 1
    assert 'counting.toml: unknown key "fails"' in told

"""A program in its directory: how it starts, what signals do, how it ends."""

from __future__ import annotations

import gc
import io
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.errors import ConfigError, ListenError, LoopixmixError
from loopixmix.process.files import DirectoryLock, LockedError
from loopixmix.process.log import Log, LogSettings
from loopixmix.process.program import Process, Program
from loopixmix.process.status import Status
from tests.worlds.networks.stepped_reactors import Computer, ScriptedReactor

LOCK = "program.lock"


class CountedStatus(msgspec.Struct, frozen=True):
    """A status of a program of its own."""

    turns: int
    problem: str | None = None


class Tape(Program):
    """Keeps what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.level = "info"
        self.own_status: Status | None = None
        self.misconfigured = False
        self.fails: LoopixmixError | None = None
        self.slow_end: list[Callable[[], None]] = []

    @property
    def log_settings(self) -> LogSettings:
        return LogSettings(level=self.level)  # type: ignore[arg-type]

    @property
    def signals(self) -> Mapping[signal.Signals, Callable[[], object]]:
        return {signal.SIGUSR1: lambda: self.events.append("withdrawn")}

    def start(self) -> None:
        if self.fails is not None:
            raise self.fails
        self.events.append("started")

    async def stop(self) -> None:
        self.events.append("stopped")
        for step in self.slow_end:
            step()

    def hurry(self) -> None:
        self.events.append("hurried")

    def reload(self) -> None:
        self.events.append("reloaded")
        if self.misconfigured:
            raise ConfigError("the configuration is wrong")
        self.level = "debug"

    def status(self) -> Status | None:
        return self.own_status


class RecordingLog(Log):
    """A log that keeps the settings that it was given."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), seconds=lambda: 0.0)
        self.levels: list[str] = []

    def begin(self, settings: LogSettings, *, program: str = "") -> None:
        assert program == Tape.__module__.partition(".")[0]
        self.levels.append(settings.level)

    def apply(self, settings: LogSettings) -> None:
        self.levels.append(settings.level)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give the signals and the collector back as they were."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.unfreeze()


def send(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def nothing() -> None:
    pass


def process_of(directory: Path, *script: Callable[[], object], log: Log | None = None) -> Process:
    return Process(
        ScriptedReactor(Computer(), *script),
        rng=random.Random(1),
        lock=DirectoryLock(directory / LOCK),
        log=log or RecordingLog(),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    program = Tape()
    process_of(tmp_path, nothing, send(number)).run(program)
    assert program.events == ["started", "stopped"]
    with DirectoryLock(tmp_path / LOCK):
        pass  # the directory is free again


def test_until_it_has_stopped_no_other_process_gets_its_directory(tmp_path: Path) -> None:
    program, kept_out = Tape(), []

    def come_second() -> None:
        with pytest.raises(LockedError), DirectoryLock(tmp_path / LOCK):
            pass
        kept_out.append(list(program.events))

    program.slow_end = [come_second]
    process_of(tmp_path, nothing, come_second, send(signal.SIGTERM)).run(program)
    assert kept_out == [["started"], ["started", "stopped"]]


def test_a_second_signal_hurries_it(tmp_path: Path) -> None:
    program = Tape()
    script = (nothing, send(signal.SIGTERM), nothing)
    process = process_of(tmp_path, *script)
    # While it still stops, the signal comes again; twice is no more than once.
    program.slow_end = [lambda: process._end_by_signal(program), lambda: process._end_by_signal(program)]
    process.run(program)
    assert program.events == ["started", "stopped", "hurried", "hurried"]


def test_other_signals_reload_it_and_do_what_is_its_own(tmp_path: Path) -> None:
    program, log = Tape(), RecordingLog()
    script = (nothing, send(signal.SIGHUP), nothing, send(signal.SIGUSR1), nothing, send(signal.SIGTERM))
    process_of(tmp_path, *script, log=log).run(program)
    assert program.events == ["started", "reloaded", "withdrawn", "stopped"]
    assert log.levels == ["info", "debug"]


def test_a_wrong_configuration_changes_nothing(tmp_path: Path) -> None:
    program, log = Tape(), RecordingLog()
    program.misconfigured = True
    process_of(tmp_path, nothing, send(signal.SIGHUP), nothing, send(signal.SIGTERM), log=log).run(program)
    assert program.events == ["started", "reloaded", "stopped"]
    assert log.levels == ["info"]


def test_one_that_cannot_start_leaves_the_directory_free_and_logs_nothing(tmp_path: Path) -> None:
    program, log = Tape(), RecordingLog()
    program.fails = ListenError("cannot listen")
    with pytest.raises(ListenError, match="cannot listen"):
        process_of(tmp_path, log=log).run(program)
    assert (program.events, log.levels) == ([], [])
    with DirectoryLock(tmp_path / LOCK):
        pass


def test_a_directory_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    program = Tape()
    with DirectoryLock(tmp_path / LOCK), pytest.raises(LockedError, match=f"in use by process {os.getpid()}"):
        process_of(tmp_path).run(program)
    assert program.events == []


def test_the_error_that_ends_it_is_raised_after_an_orderly_end(tmp_path: Path) -> None:
    program = Tape()
    script: list[Callable[[], object]] = []
    process = process_of(tmp_path, nothing, lambda: script[0]())
    first, second = LoopixmixError("the first"), LoopixmixError("the second")

    def fail() -> None:
        process.world.end(first)
        process.world.end(second)

    script.append(fail)
    with pytest.raises(LoopixmixError, match="the first"):
        process.run(program)
    assert program.events == ["started", "stopped"]


def test_one_that_fails_while_it_starts_ends_at_once(tmp_path: Path) -> None:
    class Failing(Tape):
        def start(self) -> None:
            super().start()
            process.world.end(LoopixmixError("too early"))

    program = Failing()
    process = process_of(tmp_path)
    with pytest.raises(LoopixmixError, match="too early"):
        process.run(program)
    assert program.events == ["started", "stopped"]


def test_lines_that_the_log_left_out_are_told_while_it_runs_and_at_its_end(tmp_path: Path) -> None:
    class CountingLog(RecordingLog):
        told_at_s: list[float]

        def tell_left_out(self) -> None:
            self.told_at_s.append(round(computer.monotonic() - began_s))

    computer, log = Computer(), CountingLog()
    began_s, log.told_at_s = computer.monotonic(), []
    script = (nothing, lambda: computer.pass_s(60), nothing, lambda: computer.pass_s(61), nothing, send(signal.SIGTERM))
    reactor = ScriptedReactor(computer, *script)
    process = Process(reactor, rng=random.Random(1), lock=DirectoryLock(tmp_path / LOCK), log=log)
    reactor.seconds = computer.monotonic
    process.run(Tape())
    assert log.told_at_s == [0, 60, 121, 122]
    assert not reactor.getDelayedCalls()


def test_its_status_is_in_a_file_until_it_has_ended(tmp_path: Path) -> None:
    program = Tape()
    program.own_status = CountedStatus(turns=3)
    seen: list[bool] = []
    file = tmp_path / "status.json"

    def look() -> None:
        seen.append(file.exists() and msgspec.json.decode(file.read_bytes(), type=CountedStatus).turns == 3)

    program.slow_end = [look]
    process_of(tmp_path, nothing, look, send(signal.SIGTERM)).run(program)
    assert seen == [True, True]
    assert not file.exists()


def test_one_without_a_status_writes_none(tmp_path: Path) -> None:
    program = Tape()
    process_of(tmp_path, nothing, send(signal.SIGTERM)).run(program)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_the_defaults_of_a_small_program(tmp_path: Path) -> None:
    class Small(Program):
        @property
        def log_settings(self) -> LogSettings:
            return LogSettings()

        def start(self) -> None:
            """It has nothing to do."""

        async def stop(self) -> None:
            """It has nothing to end."""

    program = Small()
    logged: list[str] = []

    def keep(event: LogEvent) -> None:
        logged.append(formatEvent(event))

    globalLogPublisher.addObserver(keep)
    process_of(tmp_path, nothing, send(signal.SIGHUP), nothing, send(signal.SIGTERM)).run(program)
    globalLogPublisher.removeObserver(keep)
    reason = "this program reads its configuration at the start only"
    assert f"the configuration stays as it was: {reason}" in logged
    assert program.status() is None
    program.hurry()

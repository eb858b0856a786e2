"""A long-running process: one program, in one directory, on one reactor."""

from __future__ import annotations

import gc
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.posixbase import PosixReactorBase
from twisted.logger import Logger

from loopixmix.errors import ConfigError, LoopixmixError
from loopixmix.process.files import DirectoryLock
from loopixmix.process.log import Log, LogSettings
from loopixmix.process.status import Status, StatusFile, StatusReporter
from loopixmix.process.task import Recurring
from loopixmix.process.wallclock import CautiousClock, ClockWatch, Timers, WallClock
from loopixmix.seams import Clock, Rng

LEFT_OUT_TOLD_S = 60.0
"""So often the log tells how many lines it left out, if it did."""

log = Logger()


class End(Protocol):
    """Ends a process."""

    def __call__(self, error: LoopixmixError | None = None, /) -> None:
        """End it in an orderly way; with an error, which `Process.run` then raises, if there is one."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The outside of a program, given to it by its process.

    `reactor` is there for sockets and threads. Time is told and waited for by `clock` only, because the reactor does
    not know the time of day. `clock_watch` tells whoever listens that the clock was set. `end` ends the process from
    inside.
    """

    reactor: PosixReactorBase
    clock: Clock
    clock_watch: ClockWatch
    rng: Rng
    end: End

    @property
    def cautious_clock(self) -> Clock:
        """The clock of programs that end something for ever by the time of day, and have no network document."""
        return CautiousClock(self.clock_watch, self.clock)


class Program(ABC):
    """The work of one process; made of a `World` and of the files in its directory."""

    @property
    @abstractmethod
    def log_settings(self) -> LogSettings:
        """How the process is to log now."""

    @property
    def signals(self) -> Mapping[signal.Signals, Callable[[], object]]:
        """The actions at other signals, besides ending at SIGTERM and SIGINT, and instead of `reload` at SIGHUP."""
        return {}

    @abstractmethod
    def start(self) -> None:
        """Begin; the directory is locked. Raise a `LoopixmixError`, with nothing left running, if that fails."""

    @abstractmethod
    async def stop(self) -> None:
        """End in an orderly way: afterwards no delayed call, thread or connection is left."""

    def hurry(self) -> None:
        """Let `stop` wait for nothing any more: a second SIGTERM or SIGINT came."""
        return  # a program that ends quickly has nothing to hurry

    def reload(self) -> None:
        """Read the configuration again and take up what needs no restart; raise `ConfigError` if it is wrong."""
        raise ConfigError("this program reads its configuration at the start only")

    def status(self) -> Status | None:
        """Return the status to write into the status file. None at the start means that there is to be no file."""
        return None


class Process:
    """Runs a program on a reactor, for as long as it lasts."""

    def __init__(self, reactor: PosixReactorBase, *, rng: Rng, lock: DirectoryLock, log: Log) -> None:
        """`reactor`: does not run yet. `lock`: of the program's directory. `log`: begins with the process."""
        self._reactor = reactor
        self._lock = lock
        self._log = log
        self._error: LoopixmixError | None = None
        self._is_ending = False
        self._reporter: StatusReporter | None = None
        clock = WallClock(cast(Timers, reactor))
        self.world = World(reactor=reactor, clock=clock, clock_watch=ClockWatch(clock), rng=rng, end=self._end)
        self._telling = Recurring(
            "telling what the log left out", self._tell_left_out, clock=clock, again_s=LEFT_OUT_TOLD_S
        )

    def run(self, program: Program) -> None:
        """Run `program` until a signal or a failure ends it; raise its failure, if it had one.

        SIGTERM or SIGINT ends it in an orderly way, a second one at once. SIGHUP makes it read its configuration again.
        """
        with self._lock:
            program.start()
            # Begun only now: if a program cannot start, one line on stderr tells so, and not the log as well.
            self._log.begin(program.log_settings, program=type(program).__module__.partition(".")[0])
            self._start_reporter(program)
            self.world.clock_watch.start()
            self._telling.start()
            self._reactor.addSystemEventTrigger(
                "before", "shutdown", lambda: Deferred.fromCoroutine(self._stop(program))
            )
            # The reactor sets handlers of its own when it begins; ours must come later.
            self._reactor.callWhenRunning(self._begin, program)
            self._reactor.run()
        if self._error is not None:
            raise self._error

    def _begin(self, program: Program) -> None:
        if self._is_ending:
            self._reactor.stop()
        # What is loaded by now stays: the collector need not look through it again and again.
        gc.freeze()
        actions: dict[signal.Signals, Callable[[], object]] = {
            signal.SIGTERM: lambda: self._end_by_signal(program),
            signal.SIGINT: lambda: self._end_by_signal(program),
            signal.SIGHUP: lambda: self._reload(program),
            **program.signals,
        }
        for number, action in actions.items():
            # A Python signal handler may run between any two steps of the reactor's own code: the reactor calls later.
            signal.signal(number, lambda *_, action=action: self._reactor.callFromThread(action))

    def _start_reporter(self, program: Program) -> None:
        if program.status() is None:
            return
        self._reporter = StatusReporter(
            StatusFile(self._lock.directory),
            status=program.status,
            clock=self.world.clock,
            in_thread=self._reactor.callInThread,
        )
        self._reporter.start()

    async def _stop(self, program: Program) -> None:
        # Reported until the end: packets that still leave may take seconds, and an operator looks on.
        log.info("stopping")
        try:
            await program.stop()
        finally:
            log.info("stopped")
            self.world.clock_watch.stop()
            if self._reporter is not None:
                self._reporter.stop()
            self._telling.stop()
            self._log.tell_left_out()

    def _tell_left_out(self) -> float:
        self._log.tell_left_out()
        return LEFT_OUT_TOLD_S

    def _end_by_signal(self, program: Program) -> None:
        if self._is_ending:
            program.hurry()
        else:
            self._end()

    def _end(self, error: LoopixmixError | None = None, /) -> None:
        if error is not None and self._error is None:
            self._error = error
        if self._is_ending:
            return  # a reactor that is told twice to stop raises an error
        self._is_ending = True
        if self._reactor.running:
            self._reactor.stop()

    def _reload(self, program: Program) -> None:
        try:
            program.reload()
        except ConfigError as error:
            log.error("the configuration stays as it was: {problem}", problem=str(error))
            return
        # Told in the new format already: a program that reads the log may want it.
        self._log.apply(program.log_settings)
        log.info("the configuration was read again")

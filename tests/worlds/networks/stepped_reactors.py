"""A reactor without sockets, on a computer whose clock can be set."""

from __future__ import annotations

import random
from collections.abc import Callable

from twisted.internet.base import ReactorBase

from loopixmix.process.program import World
from loopixmix.process.wallclock import ClockWatch, WallClock


class Computer:
    """Its two clocks: the time of day, which its user may set, and one that only counts seconds."""

    def __init__(self, time_of_day_s: float = 1_800_000_000.0) -> None:
        self._time_of_day_s = time_of_day_s
        self._monotonic_s = 5_000.0

    def time_of_day(self) -> float:
        return self._time_of_day_s

    def monotonic(self) -> float:
        return self._monotonic_s

    def pass_s(self, seconds: float) -> None:
        self._time_of_day_s += seconds
        self._monotonic_s += seconds

    def set_clock(self, by_s: float) -> None:
        self._time_of_day_s += by_s


class SteppedReactor(ReactorBase):
    """Twisted's own timers, on a computer whose time a test lets pass; `seconds` begins as in any of its reactors."""

    def __init__(self, computer: Computer) -> None:
        super().__init__()
        self.computer = computer
        self.seconds = computer.time_of_day

    def installWaker(self) -> None:
        """There is nothing to wake."""

    def wakeUp(self) -> None:
        """It never sleeps."""

    def run_for(self, seconds: float, *, step_s: float = 0.01) -> None:
        """Let time pass."""
        for _ in range(round(seconds / step_s)):
            self.computer.pass_s(step_s)
            self.runUntilCurrent()


class ScriptedReactor(SteppedReactor):
    """Also runs: what a test gave it to do while it runs, and then its shutdown."""

    def __init__(self, computer: Computer, *script: Callable[[], object]) -> None:
        super().__init__(computer)
        self.script = list(script)

    def run(self, installSignalHandlers: bool = True) -> None:  # noqa: N803
        """Do the script, a step of it after each turn, until somebody stops the reactor."""
        self.startRunning(installSignalHandlers=False)
        while self._started:
            self.runUntilCurrent()
            if self.script:
                self.script.pop(0)()
            self.computer.pass_s(0.1)

    def callInThread(self, work: Callable[..., object], *args: object) -> None:
        """Have a thread that is done before anybody looks."""
        work(*args)


def world_on(reactor: SteppedReactor) -> World:
    """Return the outside of a program on such a computer; its watch over the clock does not run yet."""
    computer = reactor.computer
    clock = WallClock(reactor, time_of_day=computer.time_of_day, monotonic=computer.monotonic)
    watch = ClockWatch(clock, monotonic=computer.monotonic)
    return World(reactor=reactor, clock=clock, clock_watch=watch, rng=random.Random(1), end=lambda error=None: None)  # type: ignore[arg-type]

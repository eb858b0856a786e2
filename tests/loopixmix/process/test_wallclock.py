"""The clock of a process: whatever the user does to the computer's clock, delays pass."""

from __future__ import annotations

from loopixmix.process.wallclock import WallClock
from tests.worlds.networks.stepped_reactors import Computer, SteppedReactor

HOUR_S = 3600.0


def test_it_tells_the_time_of_day() -> None:
    computer = Computer(1_800_000_000.0)
    clock = WallClock(SteppedReactor(computer), time_of_day=computer.time_of_day, monotonic=computer.monotonic)
    assert clock.seconds() == 1_800_000_000.0
    computer.set_clock(-HOUR_S)
    assert clock.seconds() == 1_800_000_000.0 - HOUR_S


def test_a_clock_that_is_set_stretches_no_delay_and_cuts_none_short() -> None:
    computer = Computer()
    reactor = SteppedReactor(computer)
    clock = WallClock(reactor, time_of_day=computer.time_of_day, monotonic=computer.monotonic)
    fired: list[str] = []
    clock.callLater(1.0, fired.append, "set back meanwhile")
    computer.set_clock(-HOUR_S)
    reactor.run_for(1.1)
    assert fired == ["set back meanwhile"]
    clock.callLater(1.0, fired.append, "set forward meanwhile")
    computer.set_clock(2 * HOUR_S)
    reactor.run_for(0.5)
    assert len(fired) == 1
    reactor.run_for(0.6)
    assert len(fired) == 2


def test_twisted_alone_would_wait_an_hour() -> None:
    """Why there is such a clock at all; if this fails, Twisted has learnt it and the clock can go."""
    computer = Computer()
    reactor = SteppedReactor(computer)
    fired: list[str] = []
    reactor.callLater(1.0, fired.append, "late")
    computer.set_clock(-HOUR_S)
    reactor.run_for(60, step_s=0.5)
    assert fired == []

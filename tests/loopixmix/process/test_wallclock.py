"""The clock of a process: whatever the user does to the computer's clock, delays pass."""

from __future__ import annotations

import pytest

from loopixmix.process.wallclock import DOUBT_S, CautiousClock, ClockWatch, WallClock
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


class Watched:
    """A watch on a computer, and what it tells."""

    def __init__(self) -> None:
        self.computer = computer = Computer()
        self.reactor = SteppedReactor(computer)
        clock = WallClock(self.reactor, time_of_day=computer.time_of_day, monotonic=computer.monotonic)
        self.watch = ClockWatch(clock, monotonic=computer.monotonic)
        self.steps_s: list[int] = []
        self.end_listening = self.watch.listen(lambda step_s: self.steps_s.append(round(step_s)))
        self.watch.start()


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S, 5.0, -5.0])
def test_whoever_listens_hears_once_that_the_clock_was_set(step_s: float) -> None:
    watched = Watched()
    watched.reactor.run_for(3.0)
    watched.computer.set_clock(step_s)
    watched.reactor.run_for(3.0)
    assert watched.steps_s == [step_s]
    watched.end_listening()
    watched.computer.set_clock(step_s)
    watched.reactor.run_for(3.0)
    assert watched.steps_s == [step_s]
    watched.watch.stop()
    assert watched.reactor.getDelayedCalls() == []


def test_a_clock_that_is_corrected_slowly_was_not_set() -> None:
    watched = Watched()
    for _ in range(20):
        watched.reactor.run_for(1.0)
        watched.computer.set_clock(0.5)
    assert watched.steps_s == []
    # A process that got no processor for a while was not asleep: both clocks went on.
    watched.computer.pass_s(60.0)
    watched.reactor.run_for(1.0)
    assert watched.steps_s == []


def test_a_listener_that_fails_keeps_no_other_from_hearing_of_it() -> None:
    watched = Watched()
    watched.end_listening()
    watched.watch.listen(_fail)
    watched.watch.listen(lambda step_s: watched.steps_s.append(round(step_s)))
    watched.computer.set_clock(HOUR_S)
    watched.reactor.run_for(3.0)
    assert watched.steps_s == [HOUR_S]


def _fail(_: float) -> None:
    raise ValueError("no plan")


def test_before_the_look_it_can_be_asked_whether_the_clock_was_set() -> None:
    watched = Watched()
    watched.reactor.run_for(3.0)
    assert not watched.watch.was_just_set()
    watched.computer.set_clock(HOUR_S)
    assert watched.watch.was_just_set()
    watched.reactor.run_for(1.1)
    assert watched.steps_s == [HOUR_S]
    assert not watched.watch.was_just_set()


def test_a_cautious_clock_takes_a_step_forward_for_true_after_some_minutes_only() -> None:
    watched = Watched()
    clock = CautiousClock(watched.watch, watched.reactor)
    watched.reactor.run_for(3.0, step_s=1.0)
    before_s = watched.computer.time_of_day()
    watched.computer.set_clock(HOUR_S)
    assert clock.seconds() == pytest.approx(before_s)  # before the look, too
    watched.reactor.run_for(DOUBT_S - 1, step_s=1.0)
    assert clock.seconds() == pytest.approx(before_s + DOUBT_S - 1)
    watched.reactor.run_for(5.0, step_s=1.0)
    assert clock.seconds() == pytest.approx(watched.computer.time_of_day())
    assert clock.seconds() > before_s + HOUR_S


def test_a_cautious_clock_never_ran_ahead_with_one_that_is_set_right_again() -> None:
    watched = Watched()
    clock = CautiousClock(watched.watch, watched.reactor)
    watched.reactor.run_for(3.0, step_s=1.0)
    for step_s in (HOUR_S, -HOUR_S, -HOUR_S, HOUR_S):
        watched.computer.set_clock(step_s)
        watched.reactor.run_for(90.0, step_s=1.0)
        if step_s > 0 or watched.computer.time_of_day() > 1_800_000_000.0:
            assert clock.seconds() == pytest.approx(1_800_000_000.0 + watched.computer.monotonic() - 5_000.0)
    # Set back, it is believed at once: what has come late cannot be undone, and what waits can.
    watched.computer.set_clock(-HOUR_S)
    assert clock.seconds() == watched.computer.time_of_day()


def test_a_cautious_clock_calls_later_like_any_other() -> None:
    watched = Watched()
    fired: list[str] = []
    CautiousClock(watched.watch, watched.reactor).callLater(1.0, fired.append, "now")
    watched.computer.set_clock(HOUR_S)
    watched.reactor.run_for(1.1)
    assert fired == ["now"]

"""The event clock against a naive model, and what Twisted's clocks promise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled

from loopixmix.errors import MisuseError
from simulations.world.clock import EventCall, EventClock

START_S = 1_800_000_000.0


@dataclass
class NaiveClock:
    """All calls in a list, of which the first by time, then by order of asking, is made next."""

    now_s: float = START_S
    calls: list[tuple[float, int]] = field(default_factory=list)

    def take(self, end_s: float) -> tuple[float, int] | None:
        due = sorted(call for call in self.calls if call[0] <= end_s)
        if not due:
            self.now_s = max(self.now_s, end_s)
            return None
        self.calls.remove(due[0])
        self.now_s = due[0][0]
        return due[0]


DELAYS = st.sampled_from([0.0, 0.0, 0.1, 0.25, 0.25, 1.0, 3.0]) | st.floats(0, 10)
STEPS = st.lists(
    st.tuples(st.just("call"), DELAYS, st.lists(DELAYS, max_size=2))
    | st.tuples(st.just("cancel"), st.integers(0, 50), st.just([]))
    | st.tuples(st.just("run"), DELAYS, st.just([])),
    max_size=40,
)


@given(STEPS)
def test_calls_come_as_in_a_naive_model(steps: list[tuple[str, float, list[float]]]) -> None:
    clock, naive = EventClock(START_S), NaiveClock()
    made: list[tuple[float, int]] = []
    calls: dict[int, EventCall] = {}
    then: dict[int, list[float]] = {}

    def ask(delay_s: float, further: list[float]) -> None:
        number = len(calls)
        then[number] = further
        calls[number] = clock.callLater(delay_s, fire, number)

    def fire(number: int) -> None:
        made.append((clock.seconds(), number))
        for delay_s in then[number]:
            ask(delay_s, [])

    def run_naive(end_s: float) -> list[tuple[float, int]]:
        expected: list[tuple[float, int]] = []
        known = len(naive_then)
        while (call := naive.take(end_s)) is not None:
            expected.append(call)
            for delay_s in naive_then[call[1]]:
                naive.calls.append((naive.now_s + delay_s, known))
                naive_then[known] = []
                known += 1
        return expected

    naive_then: dict[int, list[float]] = {}
    for kind, value, further in steps:
        if kind == "call":
            naive.calls.append((naive.now_s + value, len(naive_then)))
            naive_then[len(naive_then)] = further
            ask(value, further)
        elif kind == "cancel":
            number = int(value)
            if number in calls and calls[number].active():
                calls[number].cancel()
                naive.calls = [call for call in naive.calls if call[1] != number]
        else:
            made.clear()
            end_s = clock.seconds() + value
            clock.run_until(end_s)
            assert made == run_naive(end_s)
            assert clock.seconds() == naive.now_s == end_s
        assert clock.pending == len(naive.calls)
        assert [call.getTime() for call in clock.getDelayedCalls()] == sorted(at_s for at_s, _ in naive.calls)
        assert clock.next_at_s == min((at_s for at_s, _ in naive.calls), default=math.inf)


def test_a_call_sees_exactly_its_time() -> None:
    clock = EventClock(START_S)
    seen: list[float] = []
    clock.callLater(0.1, lambda: clock.callLater(0.2, lambda: seen.append(clock.seconds())))

    clock.run_until(START_S + 10)

    assert seen == [START_S + 0.1 + 0.2]


def test_steps_are_single_calls() -> None:
    clock = EventClock()
    made: list[str] = []
    clock.callLater(1, made.append, "a")
    clock.callLater(1, made.append, "b")

    assert clock.step()
    assert (made, clock.seconds(), clock.pending) == (["a"], 1.0, 1)
    assert clock.step()
    assert not clock.step()
    assert made == ["a", "b"]


def test_arguments_and_keywords_reach_the_function() -> None:
    clock = EventClock()
    seen: list[tuple[object, ...]] = []
    clock.callLater(1, lambda *args, **kw: seen.append((args, kw)), 1, 2, three=3)

    clock.run_for(1)

    assert seen == [((1, 2), {"three": 3})]


def test_a_call_cannot_be_cancelled_twice_or_after_it_was_made() -> None:
    clock = EventClock()
    cancelled, called = clock.callLater(1, print), clock.callLater(1, lambda: None)
    cancelled.cancel()
    clock.run_for(2)

    assert not cancelled.active()
    assert not called.active()
    with pytest.raises(AlreadyCancelled):
        cancelled.cancel()
    with pytest.raises(AlreadyCalled):
        called.cancel()


def test_a_call_may_not_cancel_itself_but_others_of_its_moment() -> None:
    clock = EventClock()
    made: list[str] = []

    def first() -> None:
        made.append("first")
        second.cancel()

    clock.callLater(1, first)
    second = clock.callLater(1, made.append, "second")
    clock.run_for(2)

    assert made == ["first"]
    assert clock.pending == 0


@pytest.mark.parametrize("delay_s", [-1e-9, -1.0, math.inf, math.nan])
def test_delays_below_zero_and_without_end_are_refused(delay_s: float) -> None:
    with pytest.raises(MisuseError):
        EventClock().callLater(delay_s, print)


def test_cancelled_calls_do_not_gather() -> None:
    clock = EventClock()
    kept = [clock.callLater(1e6, print) for _ in range(10)]
    for number in range(100_000):
        clock.callLater(1000.0 + number, print).cancel()
        assert clock.entries <= 2 * (1024 + len(kept)) + 2

    assert clock.pending == len(kept)


def test_a_call_that_raises_leaves_the_clock_able_to_go_on() -> None:
    clock = EventClock()
    made: list[str] = []

    def fail() -> None:
        raise LookupError

    clock.callLater(1, fail)
    clock.callLater(2, made.append, "later")
    with pytest.raises(LookupError):
        clock.run_until(3)
    assert clock.seconds() == 1.0

    clock.run_until(3)

    assert made == ["later"]


def test_running_for_a_span_stops_where_something_holds() -> None:
    clock = EventClock()
    made: list[int] = []
    for number in range(5):
        clock.callLater(number, made.append, number)

    clock.run_for(10, until=lambda: len(made) == 3)
    assert (made, clock.seconds()) == ([0, 1, 2], 2.0)

    clock.run_for(10, until=lambda: False)
    assert (made, clock.seconds()) == ([0, 1, 2, 3, 4], 12.0)


def test_waiting_ends_with_the_last_that_fires() -> None:
    clock = EventClock()
    awaited: list[Deferred[None]] = [Deferred(), Deferred()]
    for after_s, each in zip((3.0, 2.0), awaited, strict=True):
        clock.callLater(after_s, each.callback, None)
    clock.callLater(5.0, awaited.clear)

    clock.wait_for(awaited, longest_s=10.0)
    assert clock.seconds() == 3.0
    clock.wait_for([], longest_s=10.0)
    assert clock.seconds() == 3.0


def test_what_fails_while_it_is_waited_for_is_raised() -> None:
    clock = EventClock()
    failing: Deferred[None] = Deferred()
    clock.callLater(1.0, failing.errback, LookupError("no such thing"))
    with pytest.raises(LookupError, match="no such thing"):
        clock.wait_for([failing], longest_s=10.0)


@pytest.mark.parametrize("goes_on", [False, True])
def test_waiting_for_what_never_comes_ends(goes_on: bool) -> None:
    clock = EventClock()

    def again() -> None:
        clock.callLater(1.0, again)

    if goes_on:
        again()
    with pytest.raises(MisuseError, match="has not ended after 10 s"):
        clock.wait_for([Deferred()], longest_s=10.0)
    assert clock.seconds() == 10.0

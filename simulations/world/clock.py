"""Time that moves from one call to the next: the reactor's place is taken by the calls to come, sorted by time."""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import TypeAlias

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.python.failure import Failure

from loopixmix.errors import MisuseError

# Cancelled calls are swept out once they are the greater part of all, and at least this many: sweeping costs as much as
# what is kept.
_FEWEST_SWEPT = 1024
# Calls to come are kept by turns, each this part of a second, and those of a turn are sorted when it is there. One heap
# of all calls costs a logarithm of a million for each, and Twisted's own `task.Clock` sorts the whole list for every
# call.
_TURNS_PER_S = 256

_TO_COME, _CALLED, _CANCELLED = "to come", "called", "cancelled"


class EventCall(msgspec.Struct, eq=False):
    """A call to come: what `EventClock.callLater` returns (the part of Twisted's `IDelayedCall` that nodes use)."""

    clock: EventClock
    at_s: float
    function: Callable[..., object]
    args: tuple[object, ...]
    state: str = _TO_COME

    def active(self) -> bool:
        """Tell whether the call is still to come."""
        return self.state is _TO_COME

    def cancel(self) -> None:
        """Forget the call; raises Twisted's `AlreadyCalled` or `AlreadyCancelled` if it is not to come."""
        if self.state is not _TO_COME:
            raise AlreadyCalled if self.state is _CALLED else AlreadyCancelled
        self.state = _CANCELLED
        # What the call would have needed is let go at once; its entry may stay for a while.
        self.function, self.args = _nothing, ()
        self.clock.note_cancelled()

    def getTime(self) -> float:  # noqa: N802 (Twisted's name)
        """Return the time of the call, in the clock's seconds."""
        return self.at_s


_Entry: TypeAlias = tuple[float, int, EventCall]
"""The time, the number of the call in the order of asking, and the call: entries sort as calls are made."""


def _nothing() -> None:
    """Stand in for the function of a call that was cancelled."""


class EventClock:
    """A clock (`loopixmix.seams.Clock`) whose time is that of the call that is made just now.

    Calls of equal time are made in the order in which they were asked for. The time of a call is the time at which it
    was asked for plus its delay, exactly as floating point adds them. One call takes about a microsecond.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        """`now_s`: when it begins, Unix seconds."""
        self._now_s = now_s
        self._turn = _turn_of(now_s)
        """The turn whose calls are in `_sorted`, with those before it; all later ones are in `_turns`."""
        self._sorted: list[_Entry] = []
        self._made = 0
        """How many of `_sorted`, from its beginning, are over."""
        self._turns: dict[int, list[_Entry]] = {}
        self._order: list[int] = []
        """The turns in `_turns`, as a heap."""
        self._number = 0
        self._cancelled = 0
        self._swept = 0
        """Cancelled calls that are not kept any more."""
        self.fired = 0
        """Calls made so far."""

    def seconds(self) -> float:
        """Return the present time in seconds."""
        return self._now_s

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> EventCall:
        """Call `callable` after `delay` seconds; raise `MisuseError` for a delay below 0 or without end."""
        # Stated so that NaN is refused as well.
        if not 0 <= delay < inf:
            raise MisuseError(f"a call comes after 0 seconds or more, not {delay}")
        at_s = self._now_s + delay
        call = EventCall(self, at_s, partial(callable, **kw) if kw else callable, args)
        self._number = number = self._number + 1
        turn = int(at_s * _TURNS_PER_S)  # as `_turn_of`
        if turn <= self._turn:
            insort(self._sorted, (at_s, number, call), lo=self._made)
        elif (entries := self._turns.get(turn)) is not None:
            entries.append((at_s, number, call))
        else:
            self._turns[turn] = [(at_s, number, call)]
            heapq.heappush(self._order, turn)
        return call

    @property
    def pending(self) -> int:
        """How many calls are to come."""
        return self.entries - self._cancelled

    @property
    def entries(self) -> int:
        """How much is kept: the calls to come, and cancelled ones that were not swept out yet."""
        return self._number - self.fired - self._swept

    @property
    def next_at_s(self) -> float:
        """When the next call comes; infinity if none does."""
        while self._made < len(self._sorted) or self._take_turn():
            at_s, _, call = self._sorted[self._made]
            if call.state is not _CANCELLED:
                return at_s
            self._pass_over()
        return inf

    def getDelayedCalls(self) -> list[EventCall]:  # noqa: N802 (Twisted's name)
        """Return the calls to come, in their order."""
        entries = [*self._sorted[self._made :], *(entry for turn in self._turns.values() for entry in turn)]
        return [call for _, _, call in sorted(entries) if call.state is _TO_COME]

    def step(self) -> bool:
        """Make the next call; false if none is to come."""
        at_s = self.next_at_s
        if at_s == inf:
            return False
        self._fire(at_s, 1)
        return True

    def run_until(self, at_s: float) -> None:
        """Make every call up to and including the time `at_s`, with those that they ask for; then it is `at_s`.

        Where a call raises, the clock stays at its time and can go on.
        """
        self._fire(at_s, -1)
        self._now_s = max(self._now_s, at_s)

    def run_for(self, span_s: float, *, until: Callable[[], object] | None = None) -> None:
        """Let `span_s` seconds pass, or less if `until`, which is asked before each call, holds."""
        end_s = self._now_s + span_s
        if until is None:
            self.run_until(end_s)
            return
        while not until():
            if self.next_at_s > end_s:
                self._now_s = max(self._now_s, end_s)
                return
            self.step()

    def wait_for(self, awaited: Sequence[Deferred[None]], *, longest_s: float) -> None:
        """Let time pass until all have fired, for `longest_s` seconds at the longest.

        Raises what one of them has failed with, and `MisuseError` if one has not fired by then.
        """
        failures: list[Failure] = []
        for each in awaited:
            each.addErrback(failures.append)
        self.run_for(longest_s, until=lambda: all(each.called for each in awaited))
        for failure in failures:
            failure.raiseException()
        if not all(each.called for each in awaited):
            raise MisuseError(f"something has not ended after {longest_s:g} s: what it waits for does not come")

    def note_cancelled(self) -> None:
        """Count a call that was cancelled; sweep such calls out before they are most of what is kept."""
        self._cancelled += 1
        if self._cancelled > _FEWEST_SWEPT and self._cancelled * 2 > self.entries:
            self._sorted, self._made = _swept(self._sorted[self._made :]), 0
            # Turns that are left empty go, too: they would gather without end, and each sweep would visit all of them.
            self._turns = {turn: kept for turn, entries in self._turns.items() if (kept := _swept(entries))}
            self._order = sorted(self._turns)
            self._swept += self._cancelled
            self._cancelled = 0

    def _take_turn(self) -> bool:
        """Go on with the next turn that has entries; false if there is none."""
        while self._order:
            self._turn = heapq.heappop(self._order)
            self._sorted, self._made = sorted(self._turns.pop(self._turn)), 0
            if self._sorted:
                return True
        return False

    def _pass_over(self) -> None:
        """Leave out the next entry, which was cancelled."""
        self._made += 1
        self._cancelled -= 1
        self._swept += 1

    def _fire(self, end_s: float, count: int) -> None:
        """Make calls up to `end_s`, at most `count` of them (-1: all)."""
        while count != 0:
            # Looked at anew each time: calls ask for others, and cancel some.
            entries, made = self._sorted, self._made
            if made == len(entries):
                if self._take_turn():
                    continue
                return
            at_s, _, call = entries[made]
            if at_s > end_s:
                return
            if call.state is _CANCELLED:
                self._pass_over()
                continue
            self._made = made + 1
            call.state = _CALLED
            self._now_s = at_s
            self.fired += 1
            count -= 1
            call.function(*call.args)


def _swept(entries: list[_Entry]) -> list[_Entry]:
    return [entry for entry in entries if entry[2].state is _TO_COME]


def _turn_of(at_s: float) -> int:
    return int(at_s * _TURNS_PER_S)

"""Time that moves from one call to the next: the reactor's place is taken by a heap of calls to come."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf

from twisted.internet.error import AlreadyCalled, AlreadyCancelled

from loopixmix.errors import MisuseError

_FEWEST_SWEPT = 1024
"""Cancelled calls are swept out once they are the greater part of the heap and at least this many."""


class EventCall:
    """A call to come: what `EventClock.callLater` returns (the part of Twisted's `IDelayedCall` that nodes use)."""

    __slots__ = ("_clock", "args", "at_s", "function", "keywords", "state")

    def __init__(
        self,
        clock: EventClock,
        at_s: float,
        function: Callable[..., object],
        args: tuple[object, ...],
        keywords: dict[str, object],
    ) -> None:
        """Use `EventClock.callLater`."""
        self._clock = clock
        self.at_s = at_s
        self.function = function
        self.args = args
        self.keywords = keywords
        self.state = _TO_COME

    def active(self) -> bool:
        """Tell whether the call is still to come."""
        return self.state is _TO_COME

    def cancel(self) -> None:
        """Forget the call; raises Twisted's `AlreadyCalled` or `AlreadyCancelled` where it is not to come."""
        if self.state is not _TO_COME:
            raise AlreadyCalled if self.state is _CALLED else AlreadyCancelled
        self.state = _CANCELLED
        self.function, self.args, self.keywords = _nothing, (), {}
        self._clock.note_cancelled()

    def getTime(self) -> float:  # noqa: N802 (Twisted's name)
        """Return the time of the call, in the clock's seconds."""
        return self.at_s


_TO_COME, _CALLED, _CANCELLED = "to come", "called", "cancelled"


def _nothing() -> None:
    """Stand in for the function of a call that was cancelled."""


class EventClock:
    """A clock (`loopixmix.seams.Clock`) whose time is that of the call that is made just now.

    Calls of equal time are made in the order in which they were asked for. The time of a call is the time at which it
    was asked for plus its delay, exactly as floating point adds them. One call takes about 2 microseconds.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        """Begin at `now_s`, Unix seconds."""
        self._now_s = now_s
        self._heap: list[tuple[float, int, EventCall]] = []
        self._number = 0
        self._cancelled = 0
        self.fired = 0
        """Calls made so far."""

    def seconds(self) -> float:
        """Return the present time in seconds."""
        return self._now_s

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], /, *args: object, **kw: object
    ) -> EventCall:
        """Call `callable` after `delay` seconds; raise `MisuseError` for a delay below 0 or without end."""
        if not 0 <= delay < inf:
            raise MisuseError(f"a call comes after 0 seconds or more, not {delay}")
        at_s = self._now_s + delay
        call = EventCall(self, at_s, callable, args, kw)
        self._number = number = self._number + 1
        heapq.heappush(self._heap, (at_s, number, call))
        return call

    @property
    def pending(self) -> int:
        """How many calls are to come."""
        return len(self._heap) - self._cancelled

    @property
    def entries(self) -> int:
        """How much is kept: the calls to come, and cancelled ones that were not swept out yet."""
        return len(self._heap)

    @property
    def next_at_s(self) -> float:
        """When the next call comes; infinity where none does."""
        heap = self._heap
        while heap and heap[0][2].state is _CANCELLED:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else inf

    def getDelayedCalls(self) -> list[EventCall]:  # noqa: N802 (Twisted's name)
        """Return the calls to come, in their order."""
        return [call for _, _, call in sorted(self._heap) if call.state is _TO_COME]

    def step(self) -> bool:
        """Make the next call; false where none is to come."""
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
        """Let `span_s` seconds pass, or less where `until`, which is asked before each call, holds."""
        end_s = self._now_s + span_s
        if until is None:
            self.run_until(end_s)
            return
        while not until():
            if self.next_at_s > end_s:
                self._now_s = max(self._now_s, end_s)
                return
            self.step()

    def note_cancelled(self) -> None:
        """Count a call that was cancelled; sweep such calls out before they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > _FEWEST_SWEPT and self._cancelled * 2 > len(self._heap):
            # In place: `_fire` holds the list.
            self._heap[:] = [entry for entry in self._heap if entry[2].state is _TO_COME]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _fire(self, end_s: float, count: int) -> None:
        """Make calls up to `end_s`, at most `count` of them (-1: all)."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= end_s and count != 0:
            at_s, _, call = pop(heap)
            if call.state is _CANCELLED:
                self._cancelled -= 1
                continue
            call.state = _CALLED
            self._now_s = at_s
            self.fired += 1
            count -= 1
            if call.keywords:
                call.function(*call.args, **call.keywords)
            else:
                call.function(*call.args)

"""A Poisson stream on a clock."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.cover.poisson import PoissonStream
from loopixmix.seams import Clock, DelayedCall

LATEST_S = 1.0
"""Events missed by more than this are left out: a machine that slept sends no burst when it wakes."""


class PoissonTimer:
    """Calls `on_due` at the events of a Poisson stream.

    The next event is counted from the time the last one was due, not from when it was done: work and late timers
    do not slow the rate. Where the clock has run ahead by more than `LATEST_S`, or was set back by more than it, the
    stream begins anew from now: the process has no memory, so nothing but the missed events is lost.
    """

    def __init__(self, stream: PoissonStream, *, clock: Clock, on_due: Callable[[], object]) -> None:
        """`stream`: draws the intervals. `on_due`: called without arguments at each event."""
        self._stream = stream
        self._clock = clock
        self._on_due = on_due
        self._due_s = 0.0
        self._call: DelayedCall | None = None

    @property
    def running(self) -> bool:
        """Tell whether events are to come."""
        return self._call is not None

    def start(self) -> None:
        """Draw the first event and wait for it; nothing if the timer runs already."""
        if self._call is None:
            self._due_s = self._clock.seconds()
            self._wait_for_next()

    def stop(self) -> None:
        """Forget the events to come; a later `start` begins anew."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _wait_for_next(self) -> None:
        now_s = self._clock.seconds()
        if abs(now_s - self._due_s) > LATEST_S:
            self._due_s = now_s
        self._due_s += self._stream.next_interval_s()
        self._call = self._clock.callLater(max(0.0, self._due_s - now_s), self._fire)

    def _fire(self) -> None:
        # Armed before the work, so that neither its duration nor a failure of it touches the stream; `on_due` may
        # stop the timer.
        self._wait_for_next()
        self._on_due()

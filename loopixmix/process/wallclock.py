"""The clock of a process: the time of day, delays that no setting of the clock can stretch, and who is told of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Protocol, TypeAlias

from twisted.logger import Logger

from loopixmix.process.task import Recurring
from loopixmix.seams import Clock, DelayedCall

log = Logger()

LOOK_S = 1.0
DOUBT_S = 300.0
"""A clock that was set may be wrong, and be set right again within this time."""
STEP_S = 2.0
"""A clock that moved by this much more or less than time passed was set: to keep it right, it is moved by less."""

ClockSet: TypeAlias = Callable[[float], object]
"""Is told that the clock was set, by so many seconds: back if there are fewer than none."""


class Timers(Protocol):
    """The part of a reactor that calls later; it counts delays on `seconds`."""

    seconds: Callable[[], float]

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> DelayedCall:
        """Call `callable` after `delay` seconds."""


class WallClock:
    """Unix seconds from the system, delays from a reactor that counts them on a monotonic clock."""

    def __init__(
        self,
        timers: Timers,
        *,
        time_of_day: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make `timers`, a reactor on which no delay waits yet, count on `monotonic` from now on.

        Twisted counts delays on the time of day. A computer whose clock is set back an hour would then not call
        anything for an hour: a node would hold its packets and a client would fall silent.
        """
        timers.seconds = monotonic
        self._timers = timers
        self._time_of_day = time_of_day

    def seconds(self) -> float:
        """Return the present time in seconds since the Unix epoch."""
        return self._time_of_day()

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> DelayedCall:
        """Call `callable` after `delay` seconds."""
        return self._timers.callLater(delay, callable, *args, **kw)


class ClockWatch:
    """Notices that the clock was set: the time of day moved, and a monotonic clock did not.

    A computer that was asleep counts as well: its monotonic clock stood still. Whoever has planned something by the
    time of day listens here, and plans anew. Without it, a node that had a wrong clock for a minute would wait for
    moments that are a day away.
    """

    def __init__(self, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`clock`: tells the time of day. `monotonic`: seconds of a clock that nobody sets."""
        self._clock = clock
        self._monotonic = monotonic
        self._listeners: list[ClockSet] = []
        # As it is now: whoever listens may plan by the time of day before `start`.
        self._offset_s = self._trusted_offset_s = self._present_offset_s()
        self._doubt_ends_s = -inf
        self._looks = Recurring("watching the clock", self._look, clock=clock, again_s=LOOK_S)

    def listen(self, told: ClockSet) -> Callable[[], None]:
        """Tell `told` each time that the clock is set; return how to end that."""
        self._listeners.append(told)
        return lambda: self._listeners.remove(told) if told in self._listeners else None

    def start(self) -> None:
        """Begin to look, once a second."""
        self._looks.start(after_s=LOOK_S)

    def stop(self) -> None:
        """Look no more; no call is left."""
        self._looks.stop()

    def was_just_set(self) -> bool:
        """Tell whether the clock was set since the last look, so that nobody has been told yet.

        What is about to be undone for ever by the new time asks this: its turn may come before the look. Any thread
        may ask.
        """
        return abs(self._present_offset_s() - self._offset_s) >= STEP_S

    def is_in_doubt(self) -> bool:
        """Tell whether the clock was set in the last `DOUBT_S`; any thread may ask."""
        return self._monotonic() < self._doubt_ends_s or self.was_just_set()

    def surely_s(self) -> float:
        """Return the time of day that has come whatever becomes of the clock; any thread may ask.

        It is the time of day, but for `DOUBT_S` after the clock was set forward it goes on as if it had not been.
        """
        now_s = self._clock.seconds()
        return min(now_s, self._monotonic() + self._trusted_offset_s) if self.is_in_doubt() else now_s

    def _look(self) -> float:
        offset_s = self._present_offset_s()
        # From one look to the next: a clock that is slowly moved to the right time moves by milliseconds meanwhile.
        step_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(step_s) >= STEP_S:
            way = "forward" if step_s > 0 else "back"
            self._doubt_ends_s = self._monotonic() + DOUBT_S
            log.warn("the clock was set {way} by {step} s, or the computer slept", way=way, step=round(abs(step_s)))
            for told in tuple(self._listeners):
                self._tell(told, step_s)
        if self._monotonic() >= self._doubt_ends_s:
            self._trusted_offset_s = offset_s
        return LOOK_S

    @staticmethod
    def _tell(told: ClockSet, step_s: float) -> None:
        try:
            told(step_s)
        except Exception:  # one that fails must not keep the others from hearing of it
            log.failure("planning anew after the clock was set failed")

    def _present_offset_s(self) -> float:
        return self._clock.seconds() - self._monotonic()


class CautiousClock:
    """A clock for what cannot be undone, as closing an election and erasing keys: see `ClockWatch.surely_s`."""

    # Who has no network document has nobody to agree with about the time. A clock that is wrong for a few minutes is to
    # end nothing for ever all the same.

    def __init__(self, watch: ClockWatch, clock: Clock) -> None:
        """`watch`: sees that `clock` was set."""
        self._watch = watch
        self._clock = clock

    def seconds(self) -> float:
        """Return the time that has surely come, in seconds since the Unix epoch."""
        return self._watch.surely_s()

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> DelayedCall:
        """Call `callable` after `delay` seconds."""
        return self._clock.callLater(delay, callable, *args, **kw)

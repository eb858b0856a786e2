"""The clock of a process: the time of day, and delays that no setting of the clock can stretch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from loopixmix.seams import DelayedCall


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

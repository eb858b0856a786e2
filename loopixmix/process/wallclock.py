"""The clock of a process: the time of day, and delays that no setting of the clock can stretch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from loopixmix.seams import DelayedCall


class Timers(Protocol):
    """The part of a reactor that calls later."""

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], /, *args: object, **kw: object
    ) -> DelayedCall:
        """Call `callable` after `delay` seconds."""


class WallClock:
    """Unix seconds from the system, delays from the reactor.

    For that to hold the reactor has to count delays on a monotonic clock: with the time of day, as Twisted does by
    default, a clock that is set back an hour stops every timer for an hour (`loopixmix.node.main`).
    """

    def __init__(self, timers: Timers) -> None:
        """Take what counts the delays."""
        self._timers = timers

    def seconds(self) -> float:
        """Return the present time in seconds since the Unix epoch."""
        return time.time()

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], /, *args: object, **kw: object
    ) -> DelayedCall:
        """Call `callable` after `delay` seconds."""
        return self._timers.callLater(delay, callable, *args, **kw)

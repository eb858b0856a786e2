"""The time between two events of a kind that is told only now and then."""

from __future__ import annotations

from loopixmix.seams import Clock


class Interval:
    """At least so long passes between two of them."""

    def __init__(self, clock: Clock, interval_s: float) -> None:
        """Let `interval_s` seconds of `clock` pass; the first one is due at once."""
        self._clock = clock
        self._interval_s = interval_s
        self._due_s = clock.seconds()

    def begin(self) -> None:
        """Let the time begin: one was told."""
        self._due_s = self._clock.seconds() + self._interval_s

    def wait_s(self) -> float | None:
        """Return how long until the next one may be told, None if it may be told now."""
        wait_s = self._due_s - self._clock.seconds()
        # Any longer wait comes from a clock that was set back.
        return wait_s if 0 < wait_s <= self._interval_s else None

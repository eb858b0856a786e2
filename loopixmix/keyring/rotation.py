"""Turns a keyring over when epochs begin and keys are over."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.keyring.keyring import MixKeyring
from loopixmix.process.task import Recurring
from loopixmix.process.wallclock import DOUBT_S
from loopixmix.seams import Clock, DelayedCall

LONGEST_WAIT_S = 60.0
"""However far away the next change is: a clock that is set meanwhile is noticed after this."""
RETRY_S = 5.0
LEAST_WAIT_S = 1.0


class KeyRotation:
    """Keeps one keyring up to date on a clock."""

    def __init__(self, keyring: MixKeyring, *, clock: Clock, was_just_set: Callable[[], bool] = lambda: False) -> None:
        """`keyring`: the one to keep up to date. `clock`: tells when epochs begin.

        `was_just_set`: whether the clock was set and `clock_was_set` is still to come: a turn may come before it.
        """
        self._keyring = keyring
        self._clock = clock
        self._was_just_set = was_just_set
        self._doubt: DelayedCall | None = None
        # Soon again: a disk that is full now may have room before the epoch ends, and keys are made two ahead.
        self._turns = Recurring("turning mix keys over", self._turn, clock=clock, again_s=RETRY_S)

    @property
    def problem(self) -> str | None:
        """Why keys are not turned over, in one line; None if they are."""
        return self._turns.problem

    def start(self) -> None:
        """Begin to turn keys over."""
        self._turns.start()

    def stop(self) -> None:
        """Stop; no call is left."""
        self._forget_doubt()
        self._turns.stop()

    def hurry(self) -> None:
        """Turn over now what is due: keys are to be described, and the computer may have slept since the last turn."""
        self._turns.hurry()

    def clock_was_set(self) -> None:
        """Turn over by the new time, and erase nothing for `DOUBT_S`: it may be wrong, and be set right again.

        A new network document ends that earlier, by `trust_clock`.
        """
        self._forget_doubt()
        self._doubt = self._clock.callLater(DOUBT_S, self.trust_clock)
        self._turns.hurry()

    def trust_clock(self) -> None:
        """Erase again what is over: the network agrees about the time."""
        if self._doubt is not None:
            self._forget_doubt()
            self._turns.hurry()

    def _turn(self) -> float:
        now_s = self._clock.seconds()
        erases = self._doubt is None and not self._was_just_set()
        self._keyring.advance(now_s, erases=erases)
        # While nothing is erased there is always a key that is over: without a wait, turn would follow turn.
        least_s = 0.0 if erases else LEAST_WAIT_S
        return min(max(self._keyring.next_change_s(now_s) - now_s, least_s), LONGEST_WAIT_S)

    def _forget_doubt(self) -> None:
        if self._doubt is not None and self._doubt.active():
            self._doubt.cancel()
        self._doubt = None

"""Turns a keyring over when epochs begin and keys are over."""

from __future__ import annotations

from loopixmix.keyring.keyring import MixKeyring
from loopixmix.process.task import Recurring
from loopixmix.seams import Clock

LONGEST_WAIT_S = 60.0
"""However far away the next change is: a clock that is set meanwhile is noticed after this."""
RETRY_S = 5.0


class KeyRotation:
    """Keeps one keyring up to date on a clock."""

    def __init__(self, keyring: MixKeyring, *, clock: Clock) -> None:
        """`keyring`: the one to keep up to date. `clock`: tells when epochs begin."""
        self._keyring = keyring
        self._clock = clock
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
        self._turns.stop()

    def hurry(self) -> None:
        """Turn over now what is due: the clock was set."""
        self._turns.hurry()

    def _turn(self) -> float:
        now_s = self._clock.seconds()
        self._keyring.advance(now_s)
        return min(self._keyring.next_change_s(now_s) - now_s, LONGEST_WAIT_S)

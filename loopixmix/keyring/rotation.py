"""Turns a keyring over when epochs begin and keys are over."""

from __future__ import annotations

from twisted.logger import Logger

from loopixmix.errors import StoreError
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.seams import Clock, DelayedCall

LONGEST_WAIT_S = 60.0
"""However far away the next change is: a clock that is set meanwhile is noticed after this."""
RETRY_S = 5.0

log = Logger()


class KeyRotation:
    """Keeps one keyring up to date on a clock."""

    def __init__(self, keyring: MixKeyring, *, clock: Clock) -> None:
        """`keyring`: the one to keep up to date. `clock`: tells when epochs begin."""
        self._keyring = keyring
        self._clock = clock
        self._call: DelayedCall | None = None
        self.problem: str | None = None

    def start(self) -> None:
        """Begin to turn keys over."""
        self._turn()

    def stop(self) -> None:
        """Stop; no call is left."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _turn(self) -> None:
        now_s = self._clock.seconds()
        try:
            self._keyring.advance(now_s)
            wait_s = min(self._keyring.next_change_s(now_s) - now_s, LONGEST_WAIT_S)
        except StoreError as error:
            if self.problem is None:
                log.error("mix keys are not turned over: {problem}", problem=str(error))
            self.problem = str(error)
            # Soon again: a disk that is full now may have room before the epoch ends, and keys are made two ahead.
            wait_s = RETRY_S
        else:
            self.problem = None
        self._call = self._clock.callLater(wait_s, self._turn)

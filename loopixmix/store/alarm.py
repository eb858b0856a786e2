"""Whether the store can be used: told once when it fails, and once when it works again."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.errors import DiskFullError

log = Logger()


class StoreAlarm:
    """The state of one store, as its use shows it."""

    def __init__(self, waiting: str, *, has_room: Callable[[], bool] = lambda: True) -> None:
        """Begin without a problem. `waiting`: what waits while there is one, for the log: "mail".

        `has_room`: tells whether the store's disk has room again.
        """
        self.problem: str | None = None
        """Why the store could not be used the last time, in one line; None if it could."""
        self._waiting = waiting
        self._has_room = has_room
        self._is_full = False

    def failed(self, failure: Failure) -> Failure:
        """Hear that something could not be read or written; return the failure, for the next errback."""
        problem = str(failure.value)
        # A full disk fails thousands of times a minute, and a log that says so each time fills the disk further.
        if self.problem is None:
            log.error("{waiting} waits until the store works again: {problem}", waiting=self._waiting, problem=problem)
        self.problem = problem
        self._is_full = isinstance(failure.value, DiskFullError)
        return failure

    def wrote(self) -> None:
        """Hear that something was written that would not have been while there was a problem."""
        if self.problem is None:
            return
        # A change of a few bytes still fits on a disk on which the next one does not: with each of them the problem
        # would end and begin again.
        if self._is_full and not self._has_room():
            return
        log.info("the store works again")
        self.problem = None


def already_told(_: Failure) -> None:
    """End a failure of the store that needs nothing more: the alarm has heard of it."""

"""Whether the store can be used: told once when it fails, and once when it works again."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()


class StoreAlarm:
    """What the parts of a provider know together of its store."""

    def __init__(self) -> None:
        """Begin without a problem."""
        self.problem: str | None = None
        """Why the store could not be used the last time, in one line; None where it could."""

    def failed(self, failure: Failure) -> None:
        """Hear that something could not be read or written."""
        problem = str(failure.value)
        if self.problem is None:
            log.error("mail waits until the store works again: {problem}", problem=problem)
        self.problem = problem

    def wrote(self) -> None:
        """Hear that something was written."""
        if self.problem is not None:
            log.info("the store works again")
        self.problem = None

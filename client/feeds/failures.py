"""What callbacks of applications raised: logged, counted, and kept for the program to look at."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from client.api import CallbackFailure

MOST_KEPT = 100

log = Logger("client.feeds")


def words_of(failure: CallbackFailure) -> str:
    """Tell a failure in one line: whose it is, its kind and its place in the code.

    Not its words: an application may quote a message in them.
    """
    frames = traceback.extract_tb(failure.error.__traceback__)
    place = f" in {frames[-1].name}, line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""
    return f"the callback {failure.callback} failed: {type(failure.error).__name__}{place}"


def log_failure(failure: CallbackFailure) -> None:
    """Log a failure."""
    log.error("{words}", words=words_of(failure))


class CallbackFailures:
    """The newest failures of the callbacks of one client."""

    def __init__(self, tell: Callable[[CallbackFailure], None] = log_failure) -> None:
        """Begin without failures; `tell` is told each."""
        self._tell = tell
        self._count = 0
        self._kept: deque[CallbackFailure] = deque(maxlen=MOST_KEPT)

    @property
    def newest(self) -> list[CallbackFailure]:
        """The newest failures, oldest first."""
        return list(self._kept)

    def note(self, callback: str, error: BaseException) -> None:
        """Keep what `callback` raised, and tell it."""
        self._count += 1
        failure = CallbackFailure(number=self._count, callback=callback, error=error)
        self._kept.append(failure)
        self._tell(failure)

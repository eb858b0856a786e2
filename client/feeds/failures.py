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

    Not its words: an application may quote a message in them. What ended the telling was said by the client itself.
    """
    if failure.ended:
        return f"the callback {failure.callback} is told nothing any more: {failure.error}"
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

    def note(self, callback: str, error: BaseException, *, ended: bool = False) -> None:
        """Keep what `callback` raised, or why it is told nothing any more (`ended`), and tell it."""
        self._count += 1
        failure = CallbackFailure(number=self._count, callback=callback, error=error, ended=ended)
        if self._kept and self._kept[-1].error is not error:
            _forget_frames(self._kept[-1].error)
        self._kept.append(failure)
        self._tell(failure)


def _forget_frames(error: BaseException) -> None:
    """Let go of what an error holds by its tracebacks: the variables of a callback may be a message of 10 MB."""
    found: dict[int, BaseException] = {}
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is not None and id(each) not in found:
            found[id(each)] = each.with_traceback(None)
            left += [each.__cause__, each.__context__]
            left += each.exceptions if isinstance(each, BaseExceptionGroup) else ()

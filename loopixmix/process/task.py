"""A coroutine that runs in the background until it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.errors import LoopixmixError

log = Logger()

Fail: TypeAlias = Callable[[LoopixmixError], object]
"""Ends the program that a defect befell, and tells why."""


def go_on(_: LoopixmixError) -> None:
    """Let the program go on without the work that ended: its problem tells."""


class DefectError(LoopixmixError):
    """A part of the program has ended by itself: a defect, which only a new start may mend."""


class Task:
    """Work without an end. If it ends by itself, that is a defect, which is logged and told as the `problem`."""

    def __init__(self, name: str, *, fail: Fail = go_on) -> None:
        """`name`: the work, in words for the log: "following the network document". `fail`: told of a defect."""
        self._name = name
        self._fail = fail
        self._running: Deferred[None] | None = None
        self.problem: str | None = None

    def start(self, work: Coroutine[Deferred[object], object, None]) -> None:
        """Begin."""
        # A failure that no errback takes would be logged only when the garbage collector finds it, and by no name.
        self._running = Deferred.fromCoroutine(work).addErrback(self._note_end)

    def stop(self) -> Deferred[None]:
        """Cancel the work; fires when it has ended. May be called twice, and before `start`."""
        running, self._running = self._running, None
        if running is None:
            return succeed(None)
        running.cancel()
        return running

    def _note_end(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            self.problem = f"{self._name} stopped: {failure.value}"
            log.failure("{name} stopped", failure, name=self._name)
            self._fail(DefectError(f"a defect ended the program: {self.problem}"))

"""A coroutine that runs in the background until it is stopped."""

from __future__ import annotations

from collections.abc import Coroutine

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()


class Task:
    """Work without an end. If it ends by itself, that is a defect, which is logged and told as the `problem`."""

    def __init__(self, name: str) -> None:
        """`name`: the work, in words for the log: "following the network document"."""
        self._name = name
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

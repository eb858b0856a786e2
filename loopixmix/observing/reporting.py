"""Tells once a second, in the status file, how a node is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TypeAlias

from twisted.application.service import Service
from twisted.logger import Logger

from loopixmix.errors import StoreError
from loopixmix.observing.status import NodeStatus, StatusFile
from loopixmix.seams import Clock, DelayedCall

REPORT_S = 1.0
LAST_WRITE_S = 1.0
"""How long the end waits for a write that is under way."""

InThread: TypeAlias = Callable[[Callable[[], None]], object]
"""Runs something beside the reactor, like its `callInThread`."""

log = Logger()


class StatusReporter(Service):
    """Writes a status file every second, and logs when what is wrong with the node changes."""

    def __init__(
        self, file: StatusFile, *, status: Callable[[], NodeStatus], clock: Clock, in_thread: InThread
    ) -> None:
        """Take the file, what makes the present status, and what runs the writing beside the reactor.

        Replacing a file takes a file system some milliseconds now and then, and no packet is to wait for that.
        """
        self._file = file
        self._status = status
        self._clock = clock
        self._in_thread = in_thread
        self._writing = Lock()
        self._call: DelayedCall | None = None
        self._failure: str | None = None
        self._failure_told: str | None = None
        self._problem: str | None = None

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Begin to report."""
        super().startService()  # type: ignore[no-untyped-call]
        self._report()

    def stopService(self) -> None:  # noqa: N802
        """Stop and remove the file; no call is left."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        self._writing.acquire(timeout=LAST_WRITE_S)
        self._file.remove()

    def _report(self) -> None:
        self._call = self._clock.callLater(REPORT_S, self._report)
        status = self._status()
        self._note(status.problem)
        self._tell_failure()
        if self._writing.acquire(blocking=False):
            self._in_thread(partial(self._write, status))

    def _write(self, status: NodeStatus) -> None:
        """Write in another thread; the lock was taken for it."""
        try:
            self._file.write(status)
            self._failure = None
        except StoreError as error:
            self._failure = str(error)
        finally:
            self._writing.release()

    def _tell_failure(self) -> None:
        if self._failure is not None and self._failure_told is None:
            log.error("no status is written: {problem}", problem=self._failure)
        self._failure_told = self._failure

    def _note(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        if problem is None:
            log.info("all is well")
        elif _kind(problem) != _kind(self._problem):
            log.warn("{problem}", problem=problem)
        self._problem = problem


def _kind(problem: str | None) -> str:
    """Return a problem without its figures, which may change every second."""
    return "".join(letter for letter in problem or "" if not letter.isdigit())

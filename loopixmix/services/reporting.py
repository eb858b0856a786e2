"""Tells once a second, in the status file, how a node is."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.logger import Logger

from loopixmix.errors import StoreError
from loopixmix.seams import Clock, DelayedCall
from loopixmix.status import NodeStatus, StatusFile

REPORT_S = 1.0

log = Logger()


class StatusReporter(Service):
    """Writes a status file every second, and logs when what is wrong with the node changes."""

    def __init__(self, file: StatusFile, *, status: Callable[[], NodeStatus], clock: Clock) -> None:
        """Take the file and what makes the present status."""
        self._file = file
        self._status = status
        self._clock = clock
        self._call: DelayedCall | None = None
        self._failing = False
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
        self._file.remove()

    def _report(self) -> None:
        self._call = self._clock.callLater(REPORT_S, self._report)
        status = self._status()
        self._note(status.problem)
        try:
            self._file.write(status)
        except StoreError as error:
            if not self._failing:
                log.error("no status is written: {problem}", problem=str(error))
            self._failing = True
        else:
            self._failing = False

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

"""A program's own word on how it is, in a file that it renews every second."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeAlias

import msgspec
from twisted.logger import Logger

from loopixmix.errors import DiskFullError, StoreError, UnavailableError
from loopixmix.process.files import lock_holder, remove_file, write_atomically
from loopixmix.process.task import Recurring
from loopixmix.seams import Clock

STATUS_FILE = "status.json"
REPORT_S = 1.0
LAST_WRITE_S = 1.0
"""How long the end waits for a write that is under way."""

InThread: TypeAlias = Callable[[Callable[[], None]], object]
"""Runs something beside the reactor, like its `callInThread`."""

log = Logger()


class Status(Protocol):
    """How a program is: a msgspec struct, written as JSON."""

    @property
    def problem(self) -> str | None:
        """Why it does not do its work, in one line; None if all is well."""


class StatusFile:
    """The status file of one directory."""

    def __init__(self, directory: Path) -> None:
        """`directory`: the program's."""
        self._path = directory / STATUS_FILE

    def write(self, status: Status) -> None:
        """Replace the file in one step, readable by its owner only; raise `StoreError` if that fails."""
        # Not lasting: after a power cut no status is true any more, and a flush every second wears a disk out.
        write_atomically(self._path, msgspec.json.encode(status), lasting=False)

    def remove(self) -> None:
        """Remove the file, as a program does when it ends."""
        remove_file(self._path)


class _Told(msgspec.Struct):
    """The part of a status file that tells whose it is."""

    pid: int


def told_by_holder(lock: Path) -> bytes | None:
    """Return what the program that holds `lock` told of itself, as JSON; None if no program holds it.

    The status file alone does not tell whether a program runs: one that was killed leaves it behind, and a copy of its
    directory has it, too. Raises `UnavailableError` if the program has told nothing yet, `StoreError` if the file is
    damaged or cannot be read.
    """
    holder = lock_holder(lock)
    if holder is None:
        return None
    path = lock.with_name(STATUS_FILE)
    told, author = b"", None
    try:
        told = path.read_bytes()
        author = msgspec.json.decode(told, type=_Told).pid
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: is damaged; a running program renews it within a second") from error
    if author != holder:
        raise UnavailableError(f"{lock.parent}: process {holder} has not told its status yet: ask again in a moment")
    return told


class StatusReporter:
    """Writes a status file every second, and logs when the problem of the program changes."""

    def __init__(
        self, file: StatusFile, *, status: Callable[[], Status | None], clock: Clock, in_thread: InThread
    ) -> None:
        """`status`: returns the present status. `in_thread`: runs the writing of `file` beside the reactor."""
        self._file = file
        self._status = status
        self._in_thread = in_thread
        self._writing = Lock()
        self._reports = Recurring("reporting the status", self._report, clock=clock, again_s=REPORT_S)
        self._failure: str | None = None
        self._failure_told: str | None = None
        self._problem: str | None = None

    def start(self) -> None:
        """Begin to report."""
        self._reports.start()

    def stop(self) -> None:
        """Stop and remove the file; no call is left."""
        self._reports.stop()
        self._writing.acquire(timeout=LAST_WRITE_S)
        self._file.remove()

    def _report(self) -> float:
        status = self._status()
        if status is None:
            return REPORT_S
        self._note(status.problem)
        self._tell_failure()
        # Beside the reactor: replacing a file takes some milliseconds now and then, for which no packet is to wait.
        if self._writing.acquire(blocking=False):
            self._in_thread(partial(self._write, status))
        return REPORT_S

    def _write(self, status: Status) -> None:
        """Write in another thread; the lock was taken for it."""
        try:
            self._file.write(status)
            self._failure = None
        except StoreError as error:
            self._failure = str(error)
            if isinstance(error, DiskFullError):
                self._write_in_its_place(status)
        finally:
            self._writing.release()

    def _write_in_its_place(self, status: Status) -> None:
        """Give up the old file, which says that all is well, for the room that a new one needs."""
        # If that fails too there is none: better than one that is not true any more.
        with contextlib.suppress(StoreError):
            self._file.remove()
            self._file.write(troubled(status, self._failure or ""))

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
            # "expires in 9 s" becomes "expires in 8 s": a line for each would fill the log.
            log.warn("{problem}", problem=problem)
        self._problem = problem


def troubled(status: Status, problem: str) -> Status:
    """Return a status that tells this problem, unless it tells one already."""
    if not isinstance(status, msgspec.Struct) or status.problem is not None:
        return status
    values = {"problem": problem, "healthy": False}
    return msgspec.structs.replace(
        status, **{name: values[name] for name in status.__struct_fields__ if name in values}
    )


def _kind(problem: str | None) -> str:
    """Return a problem without its figures, which may change every second."""
    return "".join(letter for letter in problem or "" if not letter.isdigit())

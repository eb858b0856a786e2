"""The operating-system processes of a test network: start, find again, stop."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import psutil

from loopixmix.process.background import last_words, loopixmix_command, start_in_background
from loopixmix.process.files import lock_holder, remove_file

PROCESSES = "processes"
"""The folder of the locks: each process holds the one of its name, and so each is known to run until it has ended."""
LOG_FILE = "log.txt"
WAIT_STEP_S = 0.1


class ProcessTable:
    """The processes of the network in one directory, known across commands by the locks that they hold.

    There is one file for each, so that commands at the same time lose none. A number of a process alone tells nothing:
    the system gives it away again, and a copy of the directory has it, too.
    """

    def __init__(self, directory: Path) -> None:
        """`directory`: of the network."""
        self._directory = directory
        self._locks = directory / PROCESSES

    def start(self, name: str, arguments: Iterable[str]) -> None:
        """Run `loopixmix ARGUMENTS` in the background, its output appended to `NAME/log.txt`."""
        self.start_program(name, loopixmix_command(*arguments))

    def start_program(self, name: str, command: Sequence[str], *, where: Path | None = None) -> None:
        """Run any command in the background, in the directory `where`, its output appended to `NAME/log.txt`.

        Raises `LockedError` if `name` runs already.
        """
        log = self._directory / name / LOG_FILE
        start_in_background(command, log=log, environment=os.environ, directory=where, lock=self._lock(name))

    def running(self) -> Mapping[str, psutil.Process]:
        """Return the processes that still run, by name."""
        found = {}
        for name in self._names():
            process = _holder(self._lock(name))
            if process is not None:
                found[name] = process
        return found

    def exited(self) -> list[str]:
        """Return the names of those that were started and run no more."""
        return sorted(set(self._names()) - set(self.running()))

    def last_words(self, name: str, *, lines: int = 3) -> str:
        """Return the end of the log of `name`."""
        return last_words(self._directory / name / LOG_FILE, lines=lines)

    def stop(self, *, grace_s: float) -> list[str]:
        """Ask all to end, insist after `grace_s`; return the names of those that had to be killed."""
        names = list(self._names())
        for process in self.running().values():
            _signal(process, kill=False)
        stubborn = self._wait(grace_s)
        for process in stubborn.values():
            _signal(process, kill=True)
        left = self._wait(grace_s)
        for name in names:
            if name not in left:
                remove_file(self._lock(name))
        return sorted(stubborn)

    def _wait(self, grace_s: float) -> Mapping[str, psutil.Process]:
        """Wait until none runs; return those that still do after `grace_s`."""
        deadline_s = time.monotonic() + grace_s
        while (left := self.running()) and time.monotonic() < deadline_s:
            time.sleep(WAIT_STEP_S)
        return left

    def _names(self) -> list[str]:
        if not self._locks.is_dir():
            return []
        return sorted(unquote(path.stem) for path in self._locks.iterdir() if path.suffix == ".lock")

    def _lock(self, name: str) -> Path:
        return self._locks / f"{quote(name, safe='')}.lock"


def _holder(lock: Path) -> psutil.Process | None:
    holder = lock_holder(lock)
    try:
        return None if holder is None else psutil.Process(holder)
    except psutil.NoSuchProcess:  # it ended in this moment
        return None


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return


def memory_bytes(process: psutil.Process) -> int:
    """Return the proportional set size of `process`, in which shared pages count once over all; 0 if it is gone."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0

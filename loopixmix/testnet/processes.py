"""The operating-system processes of a test network: start, find again, stop."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from loopixmix.errors import StoreError
from loopixmix.process.background import is_running, last_words, loopixmix_command, start_in_background
from loopixmix.process.files import write_atomically

PROCESSES_FILE = "processes.json"
LOG_FILE = "log.txt"
WAIT_STEP_S = 0.1


class RunningProcess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process that was started here; the creation time tells it from a later one with the same number.

    `place`: the number that the file system gives the network's directory. A copy of that directory has another one.
    """

    pid: int
    created_s: float
    place: int

    def find(self) -> psutil.Process | None:
        """Return the process if it still runs."""
        try:
            process = psutil.Process(self.pid)
            # The system gives the numbers of ended processes away again: the time of creation tells them apart.
            alive = abs(process.create_time() - self.created_s) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


class ProcessTable:
    """The processes of the network in one directory, remembered in `processes.json` across commands."""

    def __init__(self, directory: Path) -> None:
        """Read the table of the network in `directory`; raise `StoreError` if it is damaged."""
        self._directory = directory
        self._path = directory / PROCESSES_FILE
        self._place = directory.stat().st_ino
        self._table: dict[str, RunningProcess] = {}
        if self._path.exists():
            try:
                found = msgspec.json.decode(self._path.read_bytes(), type=dict[str, RunningProcess])
            except msgspec.MsgspecError as error:
                raise StoreError(f"{self._path}: {error}") from error
            # The processes of the original are not ours to look at, nor to stop.
            self._table = {name: process for name, process in found.items() if process.place == self._place}

    def start(self, name: str, arguments: Iterable[str]) -> None:
        """Run `loopixmix ARGUMENTS` in the background, its output appended to `NAME/log.txt`."""
        self.start_program(name, loopixmix_command(*arguments))

    def start_program(self, name: str, command: Sequence[str], *, where: Path | None = None) -> None:
        """Run any command in the background, in the directory `where`, its output appended to `NAME/log.txt`."""
        log = self._directory / name / LOG_FILE
        pid = start_in_background(command, log=log, environment=os.environ, directory=where)
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already: its log says why
            self._table[name] = RunningProcess(pid, psutil.Process(pid).create_time(), self._place)
        self._table.setdefault(name, RunningProcess(pid, 0.0, self._place))
        self._save()

    def running(self) -> Mapping[str, psutil.Process]:
        """Return the processes that still run, by name."""
        found = ((name, known.find()) for name, known in self._table.items())
        return {name: process for name, process in found if process is not None}

    def exited(self) -> list[str]:
        """Return the names of those that were started and run no more."""
        return sorted(set(self._table) - set(self.running()))

    def last_words(self, name: str, *, lines: int = 3) -> str:
        """Return the end of the log of `name`."""
        return last_words(self._directory / name / LOG_FILE, lines=lines)

    def stop(self, *, grace_s: float) -> list[str]:
        """Ask all to end, insist after `grace_s`; return the names of those that had to be killed."""
        running = self.running()
        for process in running.values():
            _signal(process, kill=False)
        stubborn = _wait(list(running.values()), grace_s)
        for process in stubborn:
            _signal(process, kill=True)
        _wait(stubborn, grace_s)
        self._table = {}
        self._save()
        return [name for name, process in running.items() if process in stubborn]

    def _save(self) -> None:
        # Not lasting: after a power cut none of these processes runs any more.
        write_atomically(self._path, msgspec.json.encode(self._table), lasting=False)


def _wait(processes: Sequence[psutil.Process], grace_s: float) -> list[psutil.Process]:
    """Wait until processes have ended; return those that have not after `grace_s`."""
    deadline_s = time.monotonic() + grace_s
    waiting = list(processes)
    while waiting and time.monotonic() < deadline_s:
        # In steps: a process that ended, and that process 1 has not fetched yet, would be waited for to the end.
        _, waiting = psutil.wait_procs(waiting, timeout=WAIT_STEP_S)
        waiting = [process for process in waiting if is_running(process.pid)]
    return waiting


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

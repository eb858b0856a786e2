"""Several clients in one process: each is an identity of its own, with its directory, streams, link and local API."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from twisted.internet.defer import Deferred

from client.http.endpoint import LOCK_FILE
from client.running.daemon import ClientDaemon
from loopixmix.errors import ConfigError, LoopixmixError
from loopixmix.process.files import DirectoryLock
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program


class SeveralClients(Program):
    """Runs clients side by side; they share a process, and nothing else."""

    def __init__(self, daemons: Mapping[Path, ClientDaemon]) -> None:
        """`daemons`: by their directories. The process has locked the first one's, and logs as that one says.

        Raises `ConfigError` if two of them are one directory.
        """
        if len({path.resolve() for path in daemons}) < len(daemons):
            raise ConfigError("a client is named twice")
        self._daemons = daemons
        self._locks = [DirectoryLock(path / LOCK_FILE) for path in [*daemons][1:]]

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._first.log_settings

    @property
    def signals(self) -> Mapping[signal.Signals, Callable[[], object]]:
        """The actions at signals, those of one client."""
        return self._first.signals

    def start(self) -> None:
        """Lock all directories, and begin; raise a `LoopixmixError`, with nothing left running, if one cannot."""
        begun: list[ClientDaemon] = []
        try:
            for lock in self._locks:
                lock.acquire()
            for daemon in self._daemons.values():
                daemon.start()
                begun.append(daemon)
        except LoopixmixError:
            Deferred.fromCoroutine(_stop_all(begun))
            self._release()
            raise

    async def stop(self) -> None:
        """Stop all of them, at one time: each may take seconds until all of it is on disk."""
        await _stop_all(self._daemons.values())
        self._release()

    @property
    def _first(self) -> ClientDaemon:
        return next(iter(self._daemons.values()))

    def _release(self) -> None:
        for lock in self._locks:
            lock.release()


async def _stop_all(daemons: Iterable[ClientDaemon]) -> None:
    # All are asked before one is waited for.
    stopping = [Deferred.fromCoroutine(daemon.stop()) for daemon in daemons]
    for each in stopping:
        await each

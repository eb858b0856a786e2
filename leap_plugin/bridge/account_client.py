"""The client of a mail account: its daemon is started if none runs, and looked at again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from twisted.logger import Logger

from client.api import Client, ClientStatus, NotRunningError
from loopixmix.errors import LoopixmixError
from loopixmix.process.backoff import Backoff
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng

LOOK_EVERY_S = 2.0
FIRST_AGAIN_S, LONGEST_AGAIN_S = 2.0, 60.0

_log = Logger()


class AccountClient:
    """Looks after one client, and knows how it is."""

    def __init__(
        self,
        address: str,
        directory: Path,
        client: Client,
        *,
        start_daemon: Callable[[Path], Awaitable[object]] | None,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """`address`: the account's in the network. `start_daemon`: returns once the daemon of a directory answers.

        Without it, none is started.
        """
        self.directory = directory
        self.status: ClientStatus | None = None
        self._address = address
        self._client = client
        self._start_daemon = start_daemon
        self._pause = Pause(clock)
        self._again = Backoff(rng=rng, first_s=FIRST_AGAIN_S, longest_s=LONGEST_AGAIN_S)
        self._task = Task("looking after a client daemon", clock=clock, rng=rng)
        self._problem = "its client daemon was not asked yet"

    @property
    def problem(self) -> str:
        """Why the account cannot send and receive, in one line; empty if it can."""
        return self._task.problem or self._problem

    def start(self) -> None:
        """Begin to look."""
        self._task.start(self._look)

    async def stop(self) -> None:
        """Look no more. The daemon goes on: its cover traffic must not tell when mail is read."""
        await self._task.stop()

    async def _look(self) -> None:
        while True:
            try:
                self.status = await self._client.status()
                self._problem = _problem_of(self.status, self._address)
                self._again.reset()
                wait_s = LOOK_EVERY_S
            except NotRunningError:
                self.status = None
                await self._start()
                wait_s = self._again.next_s()
            except LoopixmixError as error:
                self.status = None
                self._problem = str(error)
                wait_s = self._again.next_s()
            await self._pause.wait(wait_s)

    async def _start(self) -> None:
        if self._start_daemon is None:
            self._problem = "its client daemon does not run: loopixmix client run starts it"
            return
        self._problem = f"its client daemon is being started in {self.directory}"
        _log.info("{directory}: no client daemon runs, so one is started", directory=self.directory)
        try:
            await self._start_daemon(self.directory)
        except LoopixmixError as error:
            self._problem = f"its client daemon cannot be started: {error}"
            _log.error("{directory}: {problem}", directory=self.directory, problem=self._problem)
        else:
            self._problem = ""


def _problem_of(status: ClientStatus, address: str) -> str:
    if not status.registered:
        return "its client is not registered yet: loopixmix client register does it (client network lists providers)"
    if status.address != address:
        return f"the client has the account {status.address or 'of a guest'}, and mail.toml says {address}"
    if status.problem:
        return status.problem
    return "" if status.connected else "the client is not linked to its provider"

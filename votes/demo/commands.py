"""The commands of the parties: each runs as a process of its own, as if its party had typed it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from loopixmix.errors import UnavailableError
from loopixmix.process.background import loopixmix_command

STDERR = 2


class _Process(Protocol):
    def signalProcess(self, signalID: str) -> object: ...  # noqa: N802, N803 (Twisted's names)


class SpawningReactor(Protocol):
    """The part of a reactor that starts processes."""

    def spawnProcess(  # noqa: N802 (Twisted's name)
        self,
        processProtocol: ProcessProtocol,  # noqa: N803
        executable: str,
        args: Sequence[str],
        *,
        env: None,
    ) -> object:
        """Start a process."""


@dataclass(frozen=True)
class CommandEnd:
    """A command that has ended. `said`: what it printed; `complained`: what it wrote to stderr."""

    succeeded: bool
    said: str
    complained: str


class PartyCommands:
    """Runs `loopixmix vote ...` for the parties. None of them sees another one's folder."""

    def __init__(self, reactor: SpawningReactor) -> None:
        self._reactor = reactor
        self._running: set[_OneCommand] = set()

    async def attempt(self, *words: object) -> CommandEnd:
        """Run a command, and return what came of it."""
        line = loopixmix_command("vote", *map(str, words))
        one = _OneCommand()
        self._running.add(one)
        try:
            # With the environment of this process, of which Twisted passes on nothing unless it is told to.
            self._reactor.spawnProcess(one, line[0], line, env=None)
            return await one.ended
        finally:
            self._running.discard(one)

    async def run(self, *words: object) -> str:
        """Run a command that is to succeed, and return what it printed. Raises `UnavailableError` in its own words."""
        done = await self.attempt(*words)
        if not done.succeeded:
            command = " ".join(str(word) for word in words[:2])
            raise UnavailableError(f"loopixmix vote {command} failed: {done.complained.strip() or done.said.strip()}")
        return done.said

    def kill(self) -> None:
        """End the commands that still run."""
        for one in self._running:
            one.kill()


class _OneCommand(ProcessProtocol):
    """One process, and what it writes."""

    def __init__(self) -> None:
        self.ended: Deferred[CommandEnd] = Deferred()
        self._written = {1: bytearray(), STDERR: bytearray()}

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803 (Twisted's names)
        self._written[childFD] += data

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 (Twisted's name)
        said, complained = (bytes(data).decode(errors="replace") for data in self._written.values())
        self.ended.callback(CommandEnd(isinstance(reason.value, ProcessDone), said, complained))

    def kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            cast(_Process, self.transport).signalProcess("KILL")

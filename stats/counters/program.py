"""The program beside a node, which counts for a plan."""

from __future__ import annotations

import os
from functools import partial

import msgspec
from twisted.logger import Logger

from client.remote import RemoteClient, remote_client
from loopixmix.errors import LoopixmixError
from loopixmix.process.log import LogSettings
from loopixmix.process.pause import Pause
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task
from stats.counters.directory import CountingDirectory
from stats.counters.noise import OpendpDraws
from stats.counters.relaying import CountedNode, RelayCounting

ROUND_S = 5.0
"""How often the node's status is looked at."""
_log = Logger()


class RelayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the program is, as its status file has it. No count is in it."""

    pid: int
    period: int | None
    complete: bool
    shares_on_their_way: int
    problem: str | None


class RelayProgram(Program):
    """Counts beside a node."""

    def __init__(self, directory: CountingDirectory, *, world: World) -> None:
        """`world`: given by the process."""
        self._directory = directory
        self._world = world
        self._client: RemoteClient | None = None
        self._counting: RelayCounting | None = None
        self._problem: str | None = None
        self._going = Task("counting beside the node", clock=world.clock, rng=world.rng)

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    def start(self) -> None:
        """Read the plan, and begin to count."""
        directory, world = self._directory, self._world
        node = CountedNode(directory.plan(), directory.private(), directory.read_status)
        client = remote_client(directory.client, reactor=world.reactor, rng=world.rng)
        try:
            self._counting = RelayCounting(
                node, client, directory.state, clock=world.cautious_clock, rng=world.rng, noise=OpendpDraws()
            )
        except LoopixmixError:
            client.close()
            raise
        self._client = client
        self._going.start(partial(self._go_on, self._counting))

    async def stop(self) -> None:
        """Stop counting; what is on its way waits in the file."""
        await self._going.stop()
        if self._client is not None:
            self._client.close()

    def status(self) -> RelayStatus:
        """Return how it is now."""
        state = None if self._counting is None else self._counting.state
        tally = None if state is None else state.tally
        own = None if self._counting is None else self._counting.problem
        return RelayStatus(
            pid=os.getpid(),
            period=None if tally is None else tally.period,
            complete=tally is not None and tally.complete,
            shares_on_their_way=0 if state is None else len(state.outgoing),
            problem=self._going.problem or self._problem or own,
        )

    async def _go_on(self, counting: RelayCounting) -> None:
        pause = Pause(self._world.clock)
        while True:
            try:
                await counting.turn()
                self._problem = None
            except LoopixmixError as error:
                # A client that is away now will be there again: the shares wait in the file.
                self._problem = str(error)
                _log.warn("counting beside the node: {error}", error=str(error))
            await pause.wait(ROUND_S)

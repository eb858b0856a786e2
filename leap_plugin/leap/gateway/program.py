"""A LEAP gateway in its directory: the object graph of `loopixmix mail leap-gateway run`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from client import remote
from leap_plugin.leap.gateway.answering import KeyAnswers
from leap_plugin.leap.gateway.arriving import MAIL_KIND, READER, MailArrivals
from leap_plugin.leap.gateway.delivering import Deliverer
from leap_plugin.leap.gateway.directory import LeapDirectory, own_leap_store
from leap_plugin.leap.gateway.reporting import FailureReports
from leap_plugin.leap.gateway.soledad import SoledadIncoming
from leap_plugin.leap.openpgp.asking import ASK_KIND
from loopixmix.errors import LoopixmixError
from loopixmix.process.log import LogSettings
from loopixmix.process.pause import Pause
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.web.calls import KeptConnections, kept_connections

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorThreads

    from client.api import ReceivedMessage

TIDY_S = 3600.0
_T = TypeVar("_T")
_log = Logger()


class LeapStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a gateway is: what it did since it was started."""

    problem: str | None
    delivered: int
    refused: int


class LeapGateway(Program):
    """A gateway for the users of a LEAP provider."""

    def __init__(self, directory: LeapDirectory, *, world: World) -> None:
        """`directory`: was read. `world`: given by the process."""
        self._directory = directory
        self._world = world
        self._opening: Deferred[None] | None = None
        self._access: StoreAccess | None = None
        self._running: _Running | None = None

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    def start(self) -> None:
        """Open the store, and begin to look for the client; raises `StoreError`."""
        store = own_leap_store(self._directory.path, self._world.rng)
        reactor = cast("IReactorThreads", self._world.reactor)
        self._access = threaded_access(store, waiting="mail", call_on_reactor=reactor.callFromThread)
        self._opening = Deferred.fromCoroutine(self._open(self._access))
        self._opening.addErrback(self._failed)

    async def stop(self) -> None:
        """End; mails that wait are delivered after the next start."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await opening
        running, self._running = self._running, None
        if running is not None:
            await running.stop()
        if self._access is not None:
            await self._access.stop()

    def status(self) -> LeapStatus:
        """Return what the status file tells."""
        running = self._running
        if running is None:
            return LeapStatus(problem="the client is being started", delivered=0, refused=0)
        problem = running.deliverer.problem or (self._access.problem if self._access is not None else None)
        return LeapStatus(problem=problem, delivered=running.deliverer.delivered, refused=running.arrivals.refused)

    async def _open(self, access: StoreAccess) -> None:
        if not remote.has_sealed_store(self._directory.client):
            _log.warn(
                "{client}: mail lies there in clear for a moment: set sealed_store", client=self._directory.client
            )
        client = await remote.start(self._directory.client, reactor=self._world.reactor, rng=self._world.rng)
        kept = kept_connections(self._world.reactor, most=16)
        self._running = _Running(self._directory, self._world, client, access, kept)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, CancelledError):
            return
        if isinstance(failure.value, LoopixmixError):
            self._world.end(failure.value)
        else:
            _log.failure("the gateway could not begin", failure)
            self._world.end(LoopixmixError("a defect ended the program; the log has it"))


class _Running:
    """The parts that need a client."""

    def __init__(
        self,
        directory: LeapDirectory,
        world: World,
        client: remote.RemoteClient,
        access: StoreAccess,
        connections: KeptConnections,
    ) -> None:
        clock, rng = world.clock, world.rng

        def in_thread(work: Callable[[], _T]) -> Awaitable[_T]:
            reactor = cast("IReactorThreads", world.reactor)
            return deferToThreadPool(reactor, world.reactor.getThreadPool(), work)

        reports = FailureReports(client, domains=directory.domains, clock=clock, rng=rng)
        soledad = SoledadIncoming(
            directory.config.soledad.url,
            directory.token,
            http=connections.http,
            clock=clock,
            user_prefix=directory.config.soledad.user_prefix,
        )
        self.arrivals = MailArrivals(client, access, reports, limits=directory.limits, clock=clock, in_thread=in_thread)
        self.deliverer = Deliverer(client, access, soledad, reports, clock=clock, rng=rng, in_thread=in_thread)
        answers = KeyAnswers(client, access, clock=clock)
        self._client = client
        self._connections = connections
        self._pause = Pause(clock)
        self._tidying = Task("giving up mails in pieces", clock=clock, rng=rng)
        self._stops = (
            client.on_received(MAIL_KIND, self._take, reader=READER),
            client.on_received(ASK_KIND, answers.take, reader=READER),
        )
        self.deliverer.start()
        self._tidying.start(self._tidy)

    async def stop(self) -> None:
        for stop in self._stops:
            stop()
        await self._tidying.stop()
        await self.deliverer.stop()
        self._client.close()
        await self._connections.close()

    async def _take(self, message: ReceivedMessage) -> None:
        await self.arrivals.take(message)
        self.deliverer.wake()

    async def _tidy(self) -> None:
        while True:
            try:
                await self.arrivals.tidy()
            except LoopixmixError as error:
                _log.warn("incomplete mails stay: {kind}", kind=type(error).__name__)
            await self._pause.wait(TIDY_S)

"""The program of a gateway in its directory."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory, IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from twisted.web.resource import IResource

from client import remote
from leap_plugin.gateways.configuration import STORE_FILE, GatewayDirectory, check_is_on, listening_place
from leap_plugin.gateways.exit.orders import KIND
from leap_plugin.gateways.store.schema import SCHEMA
from leap_plugin.gateways.strays import KIND as STRAY_KIND
from leap_plugin.gateways.tidying import GatewayTidying
from leap_plugin.gateways.wiring import (
    EntranceParts,
    ExitParts,
    GatewayWorld,
    make_entrance,
    make_exit,
    make_strays,
    make_tables,
)
from loopixmix.errors import ConfigError, ListenError, LoopixmixError
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.web.sites import BoundedFactory
from loopixmix.web.visiting.server import page_factory

READER = "gateway"
HANDLED_WITHIN_S = 300.0
ORDERS_AT_ONCE = 8

R = TypeVar("R")


class ExitStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What an exit has done since its start, and what waits. `refused`: by the status of RFC 3463."""

    accepted: int
    refused: dict[str, int]
    relayed: int
    refused_by_relay: int
    gave_up: int
    attempts_failed: int
    reports_sent: int
    reports_impossible: int


class EntranceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What an entrance has done since its start. `refused`: by the status of RFC 3463; `undelivered`: taken in vain."""

    accepted: int
    refused: dict[str, int]
    undelivered: int


class GatewayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a gateway is; `problem` is one line, or None if all is well."""

    pid: int
    address: str
    domains: tuple[str, ...]
    exit: ExitStatus | None
    entrance: EntranceStatus | None
    problem: str | None = None


class MailGateway(Program):
    """One gateway, from its directory to its sockets."""

    _log = Logger()

    def __init__(self, directory: GatewayDirectory, *, world: World) -> None:
        """`directory`: was read. `world`: given by the process. Nothing is opened before `start`."""
        self._directory = directory
        self._world = world
        self._threads = ThreadPool(0, directory.config.exit.relay.connections + 4, "gateway")
        self._starting = Task("starting the gateway", clock=world.clock, rng=world.rng)
        self._access: StoreAccess | None = None
        self._running: _RunningGateway | None = None
        self._opening_problem: str | None = "the gateway's client is starting"

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    def start(self) -> None:
        """Open the store; the rest follows as soon as the client answers."""
        check_is_on(self._directory.config)
        store = Store(SCHEMA, sqlite_url(self._directory.path / STORE_FILE), exclusive=True)
        reactor = cast(IReactorFromThreads, self._world.reactor)
        self._access = threaded_access(store, waiting="all mail", call_on_reactor=reactor.callFromThread)
        self._threads.start()
        self._starting.start(self._open)

    async def stop(self) -> None:
        """Take nothing more, wait for what is under way, close."""
        await self._starting.stop()
        running, self._running = self._running, None
        if running is not None:
            await running.stop()
        access, self._access = self._access, None
        if access is not None:
            await access.stop()
        # Idle threads end at once; those that wait for a relay were waited for above.
        self._threads.stop()

    def status(self) -> GatewayStatus:
        """Return how the gateway is."""
        running, config = self._running, self._directory.config
        problem = self._starting.problem or self._opening_problem
        if running is not None:
            problem = running.problem
        if self._access is not None and self._access.problem:
            problem = self._access.problem
        return GatewayStatus(
            pid=os.getpid(),
            address="" if running is None else running.address,
            domains=config.domains,
            exit=None if running is None else running.exit_status,
            entrance=None if running is None else running.entrance_status,
            problem=problem,
        )

    async def _open(self) -> None:
        try:
            await self._connect()
        except LoopixmixError as error:
            self._world.end(error)

    async def _connect(self) -> None:
        world, directory = self._world, self._directory
        if self._access is None:
            return
        client = await remote.start(directory.client, reactor=world.reactor, rng=world.rng)
        try:
            address = (await client.status()).address
            if not address:
                raise ConfigError(f"the client in {directory.client} has no account with a name: register it first")
            parts = GatewayWorld(client, self._access, world.clock, world.rng, self._in_thread)
            running = _RunningGateway(client, address)
            running.begin(directory, parts, listen=self._listen)
        except BaseException:
            client.close()
            raise
        self._running, self._opening_problem = running, None
        self._log.info("the gateway is ready")

    def _listen(self, place: str, factory: IProtocolFactory) -> Any:
        host, port = listening_place(place)
        try:
            return self._world.reactor.listenTCP(port, factory, interface=host)
        except (CannotListenError, OSError) as error:
            cause = getattr(error, "socketError", error)
            reason = getattr(cause, "strerror", None) or str(cause)
            raise ListenError(f"cannot listen on {place}: {reason}; gateway.toml says where") from error

    def _in_thread(self, work: Callable[[], R]) -> Awaitable[R]:
        found: Deferred[R] = deferToThreadPool(cast(IReactorFromThreads, self._world.reactor), self._threads, work)
        return found


class _RunningGateway:
    """The parts that run, in the order in which they are stopped."""

    def __init__(self, client: remote.RemoteClient, address: str) -> None:
        self._client = client
        self.address = address
        self._exit: ExitParts | None = None
        self._entrance: EntranceParts | None = None
        self._tidying: GatewayTidying | None = None
        self._ports: list[Any] = []
        self._connections: list[BoundedFactory] = []
        self._stop_reading: list[Callable[[], None]] = []

    @property
    def problem(self) -> str | None:
        problems = [None if self._tidying is None else self._tidying.problem]
        problems += [None if self._exit is None else self._exit.relaying.problem]
        problems += [
            f"messages of the network are not taken any more: {failure.error}"
            for failure in self._client.callback_failures
            if failure.ended
        ]
        return next((problem for problem in problems if problem), None)

    @property
    def exit_status(self) -> ExitStatus | None:
        return None if self._exit is None else _exit_status(self._exit)

    @property
    def entrance_status(self) -> EntranceStatus | None:
        if self._entrance is None or self._tidying is None:
            return None
        entrance = self._entrance.entrance
        return EntranceStatus(
            accepted=entrance.accepted, refused=dict(entrance.refused), undelivered=self._tidying.undelivered
        )

    def begin(
        self,
        directory: GatewayDirectory,
        world: GatewayWorld,
        *,
        listen: Callable[[str, IProtocolFactory], Any],
    ) -> None:
        tables = make_tables(directory, world)
        config = directory.config
        if config.exit.enabled:
            self._exit = parts = make_exit(directory, world, tables)
            connections = page_factory(cast(IResource, parts.page), clock=world.clock)
            self._ports.append(listen(config.exit.opt_out_listen, cast(IProtocolFactory, connections)))
            self._connections.append(connections)
        if config.entrance.enabled:
            self._entrance = make_entrance(directory, world, tables)
            self._ports.append(listen(config.entrance.listen, cast(IProtocolFactory, self._entrance.factory)))
        # Only now: what cannot be opened is told before anything is taken.
        if self._exit is not None:
            orders = self._exit.orders
            self._exit.relaying.start()
            # Several share the reader: one alone would wait for two disks, one after the other, for each mail.
            self._stop_reading += [
                world.client.on_received(KIND, orders.take, reader=READER, within_s=HANDLED_WITHIN_S)
                for _ in range(ORDERS_AT_ONCE)
            ]
        strays = make_strays(directory, world)
        self._stop_reading.append(world.client.on_received(STRAY_KIND, strays.take, reader=READER))
        self._tidying = GatewayTidying(world.client, world.access, tables.ways, clock=world.clock, rng=world.rng)
        self._tidying.start()

    async def stop(self) -> None:
        for stop in self._stop_reading:
            stop()
        for port in self._ports:
            stopping: Deferred[None] | None = port.stopListening()
            if stopping is not None:
                await stopping
        if self._entrance is not None:
            self._entrance.factory.stop()
        for connections in self._connections:
            await connections.close()
        if self._exit is not None:
            await self._exit.relaying.stop()
        if self._tidying is not None:
            await self._tidying.stop()
        self._client.close()


def _exit_status(parts: ExitParts) -> ExitStatus:
    counts = parts.relaying.counts
    return ExitStatus(
        accepted=parts.orders.accepted,
        refused=dict(parts.orders.refused),
        relayed=counts.relayed,
        refused_by_relay=counts.refused,
        gave_up=counts.gave_up,
        attempts_failed=counts.attempts_failed,
        reports_sent=parts.reports.sent,
        reports_impossible=parts.reports.impossible,
    )

"""The client daemon in its directory: store, network, local API. The object graph of `loopixmix client run`."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from client.core.sealing import HpkeSealer
from client.directory.configuration import DOCUMENT_FILE, STORE_FILE, ClientDirectory
from client.http.endpoint import remove_url
from client.http.serving.server import ApiServer
from client.link.link import ClientLink
from client.running.service import ClientService
from client.running.wiring import build_client
from client.store import ClientStore
from loopixmix.errors import MisuseError
from loopixmix.following.authorities import Authorities
from loopixmix.following.cache import DocumentCache
from loopixmix.following.fetcher import TreqFetcher
from loopixmix.following.follower import DirectoryFollower
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.tls import TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.net.sockets import TcpReactor, TcpSockets
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program, World
from loopixmix.seams import Fact
from loopixmix.sphinx import load_arithmetic
from loopixmix.store.access import StoreAccess, ordered_access
from loopixmix.web.calls import one_shot_client
from loopixmix.wire import FrameFormat, LinkRole

SWITCH_S = 0.0005
"""So long a thread may compute before another one has its turn."""


class ClientDaemon(Program):
    """One client, from its directory to its local API."""

    _log = Logger("client")

    def __init__(self, directory: ClientDirectory, *, world: World) -> None:
        """`directory`: was read. `world`: given by the process. Nothing is opened before `start`."""
        self._directory = directory
        self._world = world
        self._clock = world.clock
        self._rng = world.rng
        self._sockets = TcpSockets(cast(TcpReactor, world.reactor))
        self._running: _Running | None = None
        self._end_listening: Callable[[], None] = lambda: None

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    @property
    def signals(self) -> Mapping[signal.Signals, Callable[[], object]]:
        """SIGHUP ends a client: its terminal is gone, and all its settings hold from the start."""
        return {signal.SIGHUP: self._world.end}

    def start(self) -> None:
        """Open the store and listen; raises `MisuseError`, with nothing left running."""
        # The store has a thread of its own. With Python's 5 ms it would keep the streams waiting that long each time.
        sys.setswitchinterval(SWITCH_S)
        # Before anything that takes time: by the lock, programs take the address that a crash left for ours.
        remove_url(self._directory.path)
        store = ClientStore(self._directory.path / STORE_FILE, key=self._directory.store_key)
        reactor = cast(IReactorFromThreads, self._world.reactor)
        access = ordered_access(store, waiting="everything", call_on_reactor=reactor.callFromThread)
        link = ClientLink(self._make_network)
        # The follower hands documents to the client, and the client's status tells what keeps documents away. Asked for
        # later, when both are there: the follower cannot be made before the one that adopts.
        service = self._make_service(access, link, lambda: follower.problem)
        follower = self._make_follower(service)
        api = ApiServer(
            service,
            directory=self._directory.path,
            port=self._directory.config.api.port,
            sockets=self._sockets,
            clock=self._clock,
            rng=self._rng,
        )
        try:
            url = api.start()
        except MisuseError:
            Deferred.fromCoroutine(access.stop())
            raise
        service.start()
        follower.start()
        # A computer that slept through its document would otherwise look for a new one a minute later only.
        self._end_listening = self._world.clock_watch.listen(lambda _: follower.clock_was_set())
        self._log.info("{directory}: the local API is at {url}", directory=self._directory.path, url=url)
        self._running = _Running(api, follower, service, link, store)

    async def stop(self) -> None:
        """Stop everything; afterwards all is on disk."""
        self._end_listening()
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    def _make_service(
        self,
        access: StoreAccess,
        link: ClientLink,
        document_problem: Callable[[], str | None],
    ) -> ClientService:
        keys = self._directory.keys
        return build_client(
            keys=keys,
            settings=self._directory.config.client,
            acceptance=self._directory.acceptance,
            access=access,
            sealer=HpkeSealer(keys.sealing),
            network=link,
            link=link,
            clock=self._clock,
            monotonic=time.monotonic,
            rng=self._rng,
            arithmetic=load_arithmetic(),
            observer=_Nobody(),
            document_problem=document_problem,
        )

    def _make_network(self, frames: FrameFormat) -> TlsNetwork:
        return TlsNetwork(
            identity_key=self._directory.keys.identity_key,
            network_id=self._directory.trust_root.network_id,
            # A client listens nowhere, and dials its provider only.
            reception=Reception(frames, own=LinkRole.CLIENT, role_of=lambda _: LinkRole.PROVIDER),
            limits=LinkLimits(),
            sockets=self._sockets,
            clock=self._clock,
            rng=self._rng,
            observer=_Nobody(),
        )

    def _make_follower(self, service: ClientService) -> DirectoryFollower:
        fetcher = TreqFetcher(one_shot_client(self._world.reactor), clock=self._clock)
        return DirectoryFollower(
            Authorities(self._directory.trust_root, fetcher=fetcher, rng=self._rng),
            cache=DocumentCache(self._directory.path / DOCUMENT_FILE),
            clock=self._clock,
            rng=self._rng,
            adopt=service.adopt,
        )


class _Running:
    """The running parts, in the order in which they are stopped."""

    def __init__(
        self, api: ApiServer, follower: DirectoryFollower, service: ClientService, link: ClientLink, store: ClientStore
    ) -> None:
        self._api = api
        self._follower = follower
        self._service = service
        self._link = link
        self._store = store

    async def stop(self) -> None:
        """Stop from the outside in."""
        await self._api.stop()
        await self._follower.stop()
        await self._service.stop()
        await self._link.stop()
        self._store.close()


class _Nobody:
    """Takes no note of facts: what a client tells of itself is in its status."""

    def observe(self, fact: Fact, /) -> None:
        """Forget it."""

"""httpx without sockets: its real parser and connection pool, over connections in memory on a test's clock."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any, cast

import httpcore
import httpx
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from client.api import Following
from client.http.calling.call import Query
from client.http.calling.follower import Refused, Take, Where, log_refusal
from client.http.endpoint import Endpoint
from client.remote_asyncio import AsyncioClient
from loopixmix.seams import Rng
from tests.worlds.clients.memory_web import FULL_BYTES, MemoryEndpoint, MemoryTransport, MemoryWeb

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks TLS. Otherwise httpx would read the authorities of the web for each client, which takes long."""
TURNS = 30
"""How often the loop goes round so that all is done that can be without more time."""


class _Wire(Protocol):
    """The client's end of a connection."""

    def __init__(self) -> None:
        self.arrived = bytearray()
        self.ended = False
        self.changed = asyncio.Event()

    def dataReceived(self, data: bytes) -> None:
        self.arrived += data
        self.changed.set()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = True
        self.changed.set()


class MemoryStream(httpcore.AsyncNetworkStream):
    """A connection as httpcore uses it."""

    def __init__(self, wire: _Wire) -> None:
        self.wire = wire

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while not self.wire.arrived and not self.wire.ended:
            self.wire.changed.clear()
            await self.wire.changed.wait()
        data = bytes(self.wire.arrived[:max_bytes])
        del self.wire.arrived[:max_bytes]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self.wire.ended:
            raise httpcore.WriteError
        for start in range(0, len(buffer), FULL_BYTES):
            cast(MemoryTransport, self.wire.transport).write(buffer[start : start + FULL_BYTES])

    async def aclose(self) -> None:
        if not self.wire.ended:
            cast(MemoryTransport, self.wire.transport).loseConnection()

    def get_extra_info(self, info: str) -> Any:
        return self.wire.ended if info == "is_readable" else None


class MemoryBackend(httpcore.AsyncNetworkBackend):
    """Connects to what listens in memory."""

    def __init__(self, web: MemoryWeb) -> None:
        self.web = web

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if port not in self.web.listeners:
            raise httpcore.ConnectError
        wire = _Wire()
        factory = Factory.forProtocol(lambda: wire)
        MemoryEndpoint(self.web, port).connect(cast(IProtocolFactory, factory))
        return MemoryStream(wire)


def memory_http(web: MemoryWeb) -> httpx.AsyncClient:
    """Return an httpx client that reaches `web` and nothing else."""
    transport = httpx.AsyncHTTPTransport(verify=NO_AUTHORITIES)
    transport._pool = httpcore.AsyncConnectionPool(max_keepalive_connections=8, network_backend=MemoryBackend(web))
    return httpx.AsyncClient(transport=transport, trust_env=False)


class ClockedClient(AsyncioClient):
    """The client, but that its pauses are those of a test's clock, and that callbacks may be given between two runs."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        *,
        http: httpx.AsyncClient,
        find_endpoint: Callable[[], Endpoint],
        rng: Rng,
    ) -> None:
        super().__init__(http=http, find_endpoint=find_endpoint, rng=rng)
        self._loop = loop
        self._clock = clock

    def follow(self, path: str, query: Query | Where, take: Take, *, refused: Refused = log_refusal) -> Following:
        if self._loop.is_running():
            return super().follow(path, query, take, refused=refused)

        async def begin() -> Following:
            return super(ClockedClient, self).follow(path, query, take, refused=refused)

        return self._loop.run_until_complete(begin())

    async def pause(self, seconds: float) -> None:
        passed = asyncio.Event()
        call = self._clock.callLater(seconds, passed.set)
        try:
            await passed.wait()
        finally:
            if call.active():
                call.cancel()


def go_round(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop do all that it can without more time."""

    async def wait() -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    loop.run_until_complete(wait())

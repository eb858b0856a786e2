"""Listens on loopback for the local API and leaves what its programs need in the client's directory."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IProtocolFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import IResource

from client.core.journal import JournalledClient
from client.http.endpoint import read_or_make_token, remove_url, write_url
from client.http.serving.guard import Guard
from client.http.serving.routes import LocalApi
from client.http.serving.site import GuardedSite
from loopixmix.net.sockets import ListeningPort, Sockets
from loopixmix.seams import Clock, Rng

HOST = "127.0.0.1"
MAX_CONNECTIONS = 128


class ApiServer:
    """The local API of one client while it listens."""

    def __init__(
        self, client: JournalledClient, *, directory: Path, port: int, sockets: Sockets, clock: Clock, rng: Rng
    ) -> None:
        """Serve `client` at `port` of loopback, at any free one for 0; the token file is in `directory`."""
        self._directory = directory
        self._port = port
        self._sockets = sockets
        self._guard = Guard(token=read_or_make_token(directory, rng=rng))
        self._api = LocalApi(client, clock=clock, rng=rng)
        resource = cast("IResource", self._api.app.resource())
        self._connections = _Connections(GuardedSite(resource, guard=self._guard, clock=clock))
        self._listening: ListeningPort | None = None

    def start(self) -> str:
        """Begin to listen; return the address, which is also written to the directory.

        Raises `ListenError` where the port is in use, `StoreError` where the directory cannot be written.
        """
        self._listening = self._sockets.listen(HOST, self._port, cast("IProtocolFactory", self._connections))
        address = self._listening.getHost()
        port = address.port if isinstance(address, IPv4Address) else self._port
        self._guard.allow_port(port)
        return write_url(self._directory, f"http://{HOST}:{port}")

    async def stop(self) -> None:
        """Stop to listen and cut all connections; no delayed call is left when this returns."""
        if self._listening is None:
            return
        listening, self._listening = self._listening, None
        remove_url(self._directory)
        await maybeDeferred(listening.stopListening)
        self._api.drop_streams()
        await self._connections.close()


class _Connections(WrappingFactory):
    """All open connections: a bounded number, closed together."""

    noisy = False

    def __init__(self, site: GuardedSite) -> None:
        super().__init__(site)
        self._closed: Deferred[None] | None = None

    def registerProtocol(self, p: ProtocolWrapper) -> None:  # noqa: N802 (Twisted's name)
        """Take a connection, unless there are too many."""
        super().registerProtocol(p)
        if len(self.protocols) > MAX_CONNECTIONS:
            p.abortConnection()

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:  # noqa: N802 (Twisted's name)
        """Note that a connection is gone."""
        super().unregisterProtocol(p)
        if self._closed is not None and not self.protocols:
            closed, self._closed = self._closed, None
            closed.callback(None)

    def close(self) -> Deferred[None]:
        """Cut all connections; fires when they are gone."""
        if not self.protocols:
            return succeed(None)
        self._closed = Deferred()
        closed = self._closed
        for protocol in tuple(self.protocols):
            protocol.abortConnection()
        return closed

"""Listens on loopback for the local API and leaves what its programs need in the client's directory."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.web.resource import IResource

from client.core.journal import JournalledClient
from client.http.endpoint import TOKEN_FILE, remove_url, write_url
from client.http.serving.guard import Guard
from client.http.serving.local_api import LocalApi
from client.http.serving.pages import InstalledPages
from client.http.serving.site import guarded_factory
from loopixmix.net.sockets import ListeningPort, Sockets
from loopixmix.process.files import write_new_token
from loopixmix.seams import Clock, Rng

HOST = "127.0.0.1"


class ApiServer:
    """The local API of one client while it listens."""

    def __init__(
        self, client: JournalledClient, *, directory: Path, port: int, sockets: Sockets, clock: Clock, rng: Rng
    ) -> None:
        """Serve `client` at `port` of loopback, at any free one for 0. `directory`: locked; gets a new token."""
        self._directory = directory
        self._port = port
        self._sockets = sockets
        # The old address first, which a crash left: the new token is for this daemon's address only.
        remove_url(directory)
        self._guard = Guard(token=write_new_token(directory / TOKEN_FILE, rng=rng))
        self._pages = InstalledPages(client, directory=directory, sockets=sockets, clock=clock, rng=rng)
        self._api = LocalApi(client, pages=self._pages, clock=clock, rng=rng)
        self._connections = guarded_factory(cast("IResource", self._api.resource), guard=self._guard, clock=clock)
        self._listening: ListeningPort | None = None

    def start(self) -> str:
        """Begin to listen; return the address, which is also written to the directory.

        Raises `ListenError` if the port is in use, `StoreError` if the directory cannot be written.
        """
        self._listening = self._sockets.listen(HOST, self._port, cast("IProtocolFactory", self._connections))
        address = self._listening.getHost()
        port = address.port if isinstance(address, IPv4Address) else self._port
        self._guard.allow_port(port)
        return write_url(self._directory, f"http://{HOST}:{port}")

    async def stop(self) -> None:
        """Stop to listen and end all connections; no delayed call is left when this returns.

        Calls under way are answered with 503.
        """
        if self._listening is None:
            return
        listening, self._listening = self._listening, None
        remove_url(self._directory)
        await maybeDeferred(listening.stopListening)
        self._api.streams.drop()
        await self._connections.close()
        await self._pages.stop()

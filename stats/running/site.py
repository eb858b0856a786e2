"""Where the pages of a collector are served."""

from __future__ import annotations

from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from loopixmix.errors import ConfigError
from loopixmix.web.certificates import tls_options
from loopixmix.web.sites import BoundedFactory
from stats.running.directory import CollectorDirectory


class _Address(Protocol):
    port: int


class _Port(Protocol):
    def getHost(self) -> _Address: ...  # noqa: N802 (Twisted's name)

    def stopListening(self) -> Deferred[None] | None: ...  # noqa: N802


class _Reactor(Protocol):
    def listenTCP(self, port: int, factory: object, *, interface: str) -> _Port: ...  # noqa: N802

    def listenSSL(  # noqa: N802
        self, port: int, factory: object, context: object, *, interface: str
    ) -> _Port: ...


class CollectorSite:
    """Listens as `collector.toml` says: on loopback, or elsewhere over TLS."""

    def __init__(self, directory: CollectorDirectory, pages: BoundedFactory, *, reactor: object) -> None:
        """Listen at once; raise `ConfigError` if that cannot be. `pages`: what is served."""
        config, path = directory.config, directory.path
        self._pages = pages
        listening = cast("_Reactor", reactor)
        try:
            if config.certificate:
                options = tls_options(path / config.certificate, path / config.key)
                self._port = listening.listenSSL(config.port, pages, options, interface=config.host)
            else:
                self._port = listening.listenTCP(config.port, pages, interface=config.host)
        except CannotListenError as error:
            raise ConfigError(f"the dashboard cannot listen at {config.host}:{config.port}: {error}") from error

    @property
    def port(self) -> int:
        """The port, also if any free one was asked for."""
        return self._port.getHost().port

    def leave(self) -> Deferred[None] | None:
        """Stop listening."""
        return self._port.stopListening()

    async def stop(self) -> None:
        """Stop listening, and end all connections."""
        left = self.leave()
        if left is not None:
            await left
        await self._pages.close()

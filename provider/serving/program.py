"""The program of a service: listens on a Unix socket, and answers the provider that connects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from loopixmix.errors import ConfigError
from loopixmix.net.sockets import ListeningPort
from loopixmix.process.files import write_atomically
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program, World
from loopixmix.seams import Identity
from provider.api import PayloadService, ServiceContext, ServiceFactory, Setting
from provider.hosting.asker import Asker
from provider.hosting.asking.ending import put_away
from provider.hosting.asking.limits import ServiceLimits
from provider.hosting.loading.form import class_faults, refuse
from provider.hosting.loading.loader import make_asker, make_service
from provider.serving.answering import Answering, SocketKeys
from provider.serving.sockets import SocketPlace, UnixReactor, listen

LOCK_FILE = "service.lock"
PROVIDER_FILE = "provider"
"""Whose service it is: written when that provider first connects."""

log = Logger()


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a program serves, and where. `directory`: the service's own."""

    factory: ServiceFactory
    place: SocketPlace
    directory: Path
    settings: Mapping[str, Setting] = field(default_factory=dict)
    log: LogSettings = field(default_factory=LogSettings)


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the program of a service is, as its status file has it. `under_way`: questions without an answer."""

    pid: int
    service: str
    connected: bool
    answered: int
    under_way: int
    problem: str | None


class ServiceProgram(Program):
    """Serves one service to one provider."""

    def __init__(self, serving: Serving, *, world: World) -> None:
        """`world`: given by the process."""
        self._serving = serving
        self._world = world
        self._port: ListeningPort | None = None
        self._keys = SocketKeys()
        self._asker: Asker | None = None
        self._provider: Identity | None = None
        self._trouble: str | None = None
        # A class of a service has its name; a function that makes one need not.
        self._name = str(getattr(serving.factory, "name", "") or serving.directory.name)
        self._answering = Answering(
            self._service_for, keys=self._keys, allowed_user_id=serving.place.user_id, clock=world.clock
        )

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._serving.log

    def start(self) -> None:
        """Make the service, if its provider is known, and listen; raise `ConfigError` if its class is no service's."""
        refuse(class_faults(self._serving.factory, self._name))
        known = _known_provider(self._serving.directory)
        if known is not None:
            self._make(known)
        factory = Factory.forProtocol(self._answering.new_connection)
        factory.noisy = False
        self._port = listen(
            self._serving.place,
            cast(IProtocolFactory, factory),
            reactor=cast(UnixReactor, self._world.reactor),
        )
        log.info("listening at {path}", path=str(self._serving.place.path))

    async def stop(self) -> None:
        """Stop listening, let go of the provider, and close the service."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        self._answering.stop()
        if self._asker is not None:
            await put_away(self._asker.name, self._asker.stop, clock=self._world.clock)

    def status(self) -> ServiceStatus:
        """Return how it is now."""
        return ServiceStatus(
            pid=os.getpid(),
            service="" if self._asker is None else self._asker.name,
            connected=self._answering.is_connected,
            answered=self._answering.answered,
            under_way=self._answering.under_way,
            problem=self._problem(),
        )

    def _problem(self) -> str | None:
        if self._trouble is not None:
            return self._trouble
        if self._asker is not None and self._asker.problem:
            return self._asker.problem
        return self._answering.problem if self._answering.is_connected else "no provider is connected"

    def _service_for(self, provider: Identity) -> Asker:
        if self._provider is None:
            try:
                self._make(provider)
            except ConfigError as error:
                self._trouble = str(error)
                raise
            self._trouble = None
            write_atomically(self._serving.directory / PROVIDER_FILE, provider.hex().encode() + b"\n")
        if provider != self._provider or self._asker is None:
            raise ConfigError(f"{self._serving.directory}: this is the service of another provider")
        return self._asker

    def _make(self, provider: Identity) -> None:
        serving, world = self._serving, self._world
        context = ServiceContext(
            provider=provider,
            directory=serving.directory,
            clock=world.clock,
            rng=world.rng,
            keys=self._keys,
            settings=serving.settings,
            is_time_agreed=lambda: not world.clock_watch.is_in_doubt(),
        )
        # Asked by the same parts as inside a provider: so the same service runs in either place.
        made = make_service(self._name, serving.factory, context, settings_place="the settings of its program")
        service = make_asker(made, ServiceLimits(), call_on_reactor=world.reactor.callFromThread)
        if isinstance(service, PayloadService):
            raise ConfigError(f'the service "{service.name}" answers whole payloads, and runs inside a provider only')
        self._asker, self._provider = service, provider


def _known_provider(directory: Path) -> Identity | None:
    path = directory / PROVIDER_FILE
    if not path.exists():
        return None
    try:
        identity = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: is not the id of a provider: {error}") from error
    if len(identity) != 32:
        raise ConfigError(f"{path}: the id of a provider has 64 hexadecimal digits")
    return identity

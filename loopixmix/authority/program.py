"""An authority as a program in its directory: keys, state, port. The object graph of `loopixmix authority run`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger

from loopixmix.authority.authority import Authority
from loopixmix.authority.config import IDENTITY_FILE, STATE_DIRECTORY, floors_warning, load_authority, parse_listen
from loopixmix.authority.http import DirectoryApi, EnrolledAddresses, RateLimit, directory_factory
from loopixmix.authority.service import AuthorityService
from loopixmix.authority.store import AuthorityStore
from loopixmix.errors import ConfigError
from loopixmix.net.sockets import ListeningPort, TcpReactor, TcpSockets
from loopixmix.observing.status import NodeStatus
from loopixmix.process.files import load_identity
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program, World
from loopixmix.web.sites import BoundedFactory

_log = Logger()


class AuthorityNode(Program):
    """The authority whose files are in a directory."""

    def __init__(self, directory: Path, *, world: World) -> None:
        """`world`: given by the process. Raises `ConfigError` if the configuration in `directory` is wrong."""
        if not directory.is_dir():
            raise ConfigError(f"{directory}: there is no such directory; make one with  loopixmix authority init DIR")
        self._directory = directory
        self._world = world
        # Before the port and the state: a mistake in a file is told by its name, and nothing has to be undone.
        self._identity_key = load_identity(directory / IDENTITY_FILE)
        self._config, self._trust_root = load_authority(directory, self._identity_key)
        self._service: AuthorityService | None = None
        self._factory: BoundedFactory | None = None
        self._port: ListeningPort | None = None
        self._end_listening: Callable[[], None] = lambda: None

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._config.log

    def start(self) -> None:
        """Take up the state and listen; raises `MisuseError`, with nothing left running."""
        service = self._new_service()
        clock, reactor = self._world.clock, self._world.reactor
        uploads = RateLimit(self._config.uploads_per_minute, now_s=clock.seconds)
        enrolled = EnrolledAddresses(service.known_hosts)
        self._factory = directory_factory(DirectoryApi(service, uploads=uploads, enrolled=enrolled), clock=clock)
        host, port = parse_listen(self._config.listen)
        sockets = TcpSockets(cast(TcpReactor, reactor))
        self._port = sockets.listen(host, port, cast(IProtocolFactory, self._factory))
        self._end_listening = self._world.clock_watch.listen(lambda _: service.clock_was_set())
        service.start()
        self._service = service
        self._announce()

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        self._end_listening()
        if self._service is not None:
            self._service.stop()
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if self._factory is not None:
            await self._factory.close()

    def reload(self) -> None:
        """Read the configuration again; raise `ConfigError` if it is wrong. A new address waits for a restart."""
        config, _ = load_authority(self._directory, self._identity_key)
        if config.listen != self._config.listen:
            _log.warn("another listen address takes effect after a restart only")
        self._config = config
        self._warn_of_floors()
        if self._service is not None:
            self._service.reconfigure(config)

    def status(self) -> NodeStatus | None:
        """Return how the authority is; None before it began."""
        return self._service.status if self._service is not None else None

    def _new_service(self) -> AuthorityService:
        authority = Authority(
            self._config,
            identity_key=self._identity_key,
            trust_root=self._trust_root,
            store=AuthorityStore(self._directory / STATE_DIRECTORY),
            started_s=self._world.clock.seconds(),
        )
        return AuthorityService(
            authority,
            identity=self._identity_key.public,
            trust_root=self._trust_root,
            clock=self._world.clock,
            was_just_set=self._world.clock_watch.was_just_set,
        )

    def _warn_of_floors(self) -> None:
        if warning := floors_warning(self._config, test=self._trust_root.test):
            _log.warn("{warning}", warning=warning)

    def _announce(self) -> None:
        if self._config.open_enrolment:
            _log.warn("open_enrolment is on: anybody may add nodes; use it for test networks only")
        self._warn_of_floors()
        _log.info(
            "authority of {network} listens on {listen}; its key is {key}",
            network=self._trust_root.name,
            listen=self._config.listen,
            key=self._identity_key.public.hex(),
        )

"""An authority in its directory: lock, keys, state, port. The object graph of `loopixmix authority run`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.tcp import Port
from twisted.logger import Logger

from loopixmix.authority.authority import Authority
from loopixmix.authority.config import IDENTITY_FILE, LOCK_FILE, STATE_DIRECTORY, load_authority, parse_listen
from loopixmix.authority.http import BoundedFactory, DirectoryApi, RateLimit, directory_factory
from loopixmix.authority.service import AuthorityService
from loopixmix.authority.store import AuthorityStore
from loopixmix.errors import ConfigError, ListenError, MisuseError
from loopixmix.observing.status import StatusFile
from loopixmix.process.files import DirectoryLock, load_identity
from loopixmix.process.log import LogSettings
from loopixmix.seams import Clock

_log = Logger()


class AuthorityNode(Service):
    """The authority whose files are in a directory."""

    def __init__(self, directory: Path, *, reactor: PosixReactorBase, clock: Clock) -> None:
        """Take what listens and what tells the time; raise `ConfigError` where the configuration is wrong."""
        if not directory.is_dir():
            raise ConfigError(f"{directory}: there is no such directory; make one with  loopixmix authority init DIR")
        self._directory = directory
        self._reactor = reactor
        self._clock = clock
        self._identity = load_identity(directory / IDENTITY_FILE)
        self._config, self._trust_root = load_authority(directory, self._identity)
        self._lock = DirectoryLock(directory / LOCK_FILE)
        self._status_file = StatusFile(directory)
        self._service: AuthorityService | None = None
        self._factory: BoundedFactory | None = None
        self._port: Port | None = None

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._config.log

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Lock the directory, take up its state and listen; raises `MisuseError`, with nothing left running."""
        super().startService()  # type: ignore[no-untyped-call]
        self._lock.acquire()
        try:
            self._start()
        except MisuseError:
            self._lock.release()
            raise
        self._announce()

    def reload(self) -> None:
        """Read the configuration again; where it is wrong, or says another address, say so and keep the old one."""
        try:
            config, _ = load_authority(self._directory, self._identity)
        except ConfigError as error:
            _log.error("the configuration stays as it was: {error}", error=str(error))
            return
        if config.listen != self._config.listen:
            _log.warn("another listen address takes effect after a restart only")
        self._config = config
        if self._service is not None:
            self._service.reconfigure(config)
        _log.info("took up the changed configuration")

    def _start(self) -> None:
        service = self._new_service()
        self._factory = directory_factory(
            DirectoryApi(service, uploads=RateLimit(self._config.uploads_per_minute, now_s=self._clock.seconds)),
            reactor=self._reactor,
        )
        self._port = self._listen(self._factory)
        service.startService()
        self._service = service

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """Stop listening, close what is open, and give the directory free."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._service is not None:
            self._service.stopService()
        stopped: Deferred[None] = maybeDeferred(self._port.stopListening) if self._port else maybeDeferred(_nothing)
        if self._factory is not None:
            self._factory.close_all()
        return stopped.addCallback(lambda _: self._leave())

    def _new_service(self) -> AuthorityService:
        authority = Authority(
            self._config,
            identity=self._identity,
            trust_root=self._trust_root,
            store=AuthorityStore(self._directory / STATE_DIRECTORY),
            started_s=self._clock.seconds(),
        )
        return AuthorityService(
            authority,
            node_id=self._identity.public,
            epoch_length_s=self._trust_root.epoch_length_s,
            clock=self._clock,
            report=self._status_file.write,
        )

    def _listen(self, factory: BoundedFactory) -> Port:
        host, port = parse_listen(self._config.listen)
        try:
            return cast(Port, self._reactor.listenTCP(port, factory, interface=host))  # type: ignore[no-untyped-call]
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
            raise ListenError(f"{self._config.listen}: cannot be listened on: {reason}") from error

    def _announce(self) -> None:
        if self._config.open_enrolment:
            _log.warn("open_enrolment is on: anybody may add nodes; use it for test networks only")
        _log.info(
            "authority of {network} listens on {listen}; its key is {key}",
            network=self._trust_root.name,
            listen=self._config.listen,
            key=self._identity.public.hex(),
        )

    def _leave(self) -> None:
        self._status_file.remove()
        self._lock.release()


def _nothing() -> None:
    return

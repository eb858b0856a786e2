"""The program of a board: a hosted service for voters, and a public face for everybody else."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from loopixmix.errors import ConfigError, LoopixmixError
from loopixmix.group.group import Group
from loopixmix.process.files import make_directory
from loopixmix.process.log import LogSettings
from loopixmix.process.pause import Pause
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task
from loopixmix.store.transactions import Store
from loopixmix.web.certificates import tls_options
from loopixmix.web.sites import BoundedFactory
from provider.api import ServiceContext
from provider.serving.program import ServiceProgram, ServiceStatus, Serving
from provider.serving.sockets import SocketPlace
from votes.board.announcing import Announcing
from votes.board.answering import VoterAnswers
from votes.board.board import Board
from votes.board.casting import Casting
from votes.board.checks import checks_with
from votes.board.entryfile import EntryFile
from votes.board.face.routes import ENTRIES_FILE, BoardFace
from votes.board.face.serving import face_factory
from votes.board.log import BoardLog
from votes.board.requests import SERVICE
from votes.board.running.credentials import ServedCredentials
from votes.board.running.directory import UPLOADS, BoardDirectory
from votes.board.seams import BallotChecks
from votes.board.service import BoardService
from votes.board.store.schema import SCHEMA
from votes.board.uploads import UploadFolder
from votes.record.election import Election

ADVANCE_S = 1.0
"""How often the board looks at the clock."""

_T = TypeVar("_T")
_log = Logger()


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


class BoardStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the program is, as its status file has it."""

    pid: int
    phase: str | None
    entries: int
    face_port: int
    provider_connected: bool
    answered: int
    awaited: str | None
    """Which trustees have still to sign the record, in words."""
    credentials: str | None
    problem: str | None


@dataclass(frozen=True)
class BoardParts:
    """A board and what it answers with."""

    board: Board
    announcing: Announcing
    uploads: UploadFolder
    answers: VoterAnswers
    credentials: ServedCredentials


def open_board(directory: BoardDirectory, group: Group, world: World) -> BoardParts:
    """Open the store, and put the parts of a board together; raises `StoreError` and `ConfigError`."""
    key = directory.party_key()

    listed = ServedCredentials(directory, group.element_bytes)

    def make_checks(election: Election) -> BallotChecks:
        listed.serve(election)
        return checks_with(group, listed.__contains__)(election)

    log = BoardLog(
        Store(SCHEMA, directory.store_url, exclusive=True),
        key=key,
        # No entry is to have a time of tomorrow, and no election to be closed, by a clock that is wrong for a minute.
        clock=world.cautious_clock,
        file=EntryFile(directory.path / ENTRIES_FILE),
    )
    board = Board(
        log, group, key=key, administrator=directory.administrator, make_checks=make_checks, clock=world.cautious_clock
    )
    uploads = UploadFolder(directory.path / UPLOADS, rng=world.rng)
    announcing = Announcing(board, uploads)
    answers = VoterAnswers(board, Casting(board), result=announcing.result)
    return BoardParts(board, announcing, uploads, answers, listed)


class BoardProgram(Program):
    """Runs a board."""

    def __init__(self, directory: BoardDirectory, group: Group, *, world: World) -> None:
        """`world`: given by the process."""
        self._directory = directory
        self._group = group
        self._world = world
        self._parts: BoardParts | None = None
        self._service: ServiceProgram | None = None
        self._connections: BoundedFactory | None = None
        self._listening: _Port | None = None
        self._delay: str | None = None
        self._advancing = Task("opening and closing the election", clock=world.clock, rng=world.rng)

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    @property
    def face_port(self) -> int:
        """The port at which the public face listens."""
        return 0 if self._listening is None else self._listening.getHost().port

    def start(self) -> None:
        """Open the store, and listen for the provider and for everybody else."""
        parts = self._parts = open_board(self._directory, self._group, self._world)
        try:
            self._listen(parts)
            service = self._served(parts)
            service.start()
        except LoopixmixError:
            if self._listening is not None:
                self._listening.stopListening()
            parts.board.log.close()
            raise
        self._service = service
        self._advancing.start(partial(self._advance, parts))

    async def stop(self) -> None:
        """Stop listening, finish what is under way, and close the store."""
        await self._advancing.stop()
        if self._listening is not None:
            stopped = self._listening.stopListening()
            if stopped is not None:
                await stopped
        if self._connections is not None:
            await self._connections.close()
        if self._service is not None:
            await self._service.stop()
        if self._parts is not None:
            self._parts.board.log.close()

    def status(self) -> BoardStatus:
        """Return how it is now."""
        served = None if self._service is None else self._service.status()
        standing = None if self._parts is None else self._parts.board.standing
        return BoardStatus(
            pid=os.getpid(),
            phase=standing.phase.value if standing is not None and standing.has_election else None,
            entries=0 if self._parts is None else self._parts.board.log.size,
            face_port=self.face_port,
            provider_connected=served is not None and served.connected,
            answered=0 if served is None else served.answered,
            awaited=standing.unsigned if standing is not None and standing.has_election else None,
            credentials=None if self._parts is None else self._parts.credentials.state,
            problem=next(filter(None, self._problems(served)), None),
        )

    def _problems(self, served: ServiceStatus | None) -> Iterator[str | None]:
        # What has a cause that an operator can remove comes first: a service that fails may do so because of it.
        yield self._advancing.problem
        if self._parts is not None:
            yield self._parts.board.log.problem
        yield self._delay
        if served is not None:
            yield served.problem

    def _served(self, parts: BoardParts) -> ServiceProgram:
        config, path = self._directory.config, self._directory.path

        def make(_: ServiceContext) -> BoardService:
            return BoardService(parts.answers)

        own = path / SERVICE
        make_directory(own)
        place = SocketPlace(path / config.socket, config.provider_user)
        return ServiceProgram(Serving(factory=make, place=place, directory=own), world=self._world)

    def _listen(self, parts: BoardParts) -> None:
        config, path = self._directory.config, self._directory.path
        reactor = cast("_Reactor", self._world.reactor)
        face = BoardFace(
            parts.board,
            parts.announcing,
            parts.uploads,
            directory=path,
            in_thread=self._in_thread,
            clock=self._world.clock,
        )
        self._connections = face_factory(face, clock=self._world.clock)
        try:
            if config.certificate:
                options = tls_options(path / config.certificate, path / config.key)
                self._listening = reactor.listenSSL(config.port, self._connections, options, interface=config.host)
            else:
                self._listening = reactor.listenTCP(config.port, self._connections, interface=config.host)
        except CannotListenError as error:
            raise ConfigError(f"the public face cannot listen at {config.host}:{config.port}: {error}") from error
        _log.info("the public face listens at port {port}", port=self.face_port)

    async def _advance(self, parts: BoardParts) -> None:
        pause = Pause(self._world.clock)
        while True:
            try:
                await self._in_thread(parts.board.log.catch_up)
                await self._in_thread(parts.board.advance)
                credentials = await self._in_thread(parts.credentials.look)
            except LoopixmixError as error:
                # The status tells it, and the log when that changes: a line a second would fill the disk further.
                self._delay = f"the election cannot be opened or closed: {error}"
            else:
                self._delay = None
                if credentials is not None:
                    _log.info("credentials: {state}", state=credentials)
            await pause.wait(ADVANCE_S)

    def _in_thread(self, work: Callable[[], _T]) -> Awaitable[_T]:
        reactor = cast("IReactorFromThreads", self._world.reactor)
        return deferToThreadPool(reactor, self._world.reactor.getThreadPool(), work)

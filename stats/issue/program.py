"""The program of an issuer: the hosted service, the keeping of its keys, and the codes that it sends."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from sqlalchemy import Connection
from twisted.internet.threads import deferToThreadPool

from client.remote import RemoteClient, remote_client
from loopixmix.errors import LoopixmixError
from loopixmix.process.files import make_directory
from loopixmix.process.log import LogSettings
from loopixmix.process.pause import Pause
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.store.commits import SharedCommits
from loopixmix.store.transactions import Store
from provider.api import ServiceContext
from provider.serving.program import ServiceProgram, Serving
from provider.serving.sockets import SocketPlace
from stats.issue.directory import IssuerDirectory
from stats.issue.issuing import SurveyIssuing
from stats.issue.letters import ASK_KIND
from stats.issue.mailing import CodeMailing
from stats.issue.people import erase_people, erase_signed
from stats.issue.service import SERVICE, SurveyIssuer
from stats.issue.surveys import IssuedSurveys

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorFromThreads

ROUND_S = 2.0
"""How often the program looks for new surveys, for keys to erase, and for codes to send."""
READER = "stats-issuer"

_T = TypeVar("_T")


class IssuerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the program is, as its status file has it."""

    pid: int
    surveys: int
    provider_connected: bool
    answered: int
    problem: str | None


class IssuerProgram(Program):
    """Runs an issuer."""

    def __init__(self, directory: IssuerDirectory, *, world: World) -> None:
        """`world`: given by the process."""
        self._directory = directory
        self._world = world
        self._surveys = IssuedSurveys(directory.path, rng=world.rng)
        self._store: Store | None = None
        self._commits: SharedCommits | None = None
        self._access: StoreAccess | None = None
        self._service: ServiceProgram | None = None
        self._client: RemoteClient | None = None
        self._looking_problem: str | None = None
        self._mailing_problem: str | None = None
        self._keeping = Task("keeping the keys of surveys", clock=world.clock, rng=world.rng)
        self._sending = Task("sending codes", clock=world.clock, rng=world.rng)

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    def start(self) -> None:
        """Open the store, take up the surveys, and listen for the provider."""
        store = self._store = self._directory.open_store(exclusive=True)
        commits = self._commits = SharedCommits(store)
        try:
            self._refresh(commits)
            self._service = self._served(SurveyIssuing(keys=self._surveys, commits=commits))
            self._service.start()
        except LoopixmixError:
            store.close()
            raise
        self._keeping.start(partial(self._keep, commits))
        if self._directory.client is not None:
            self._open_mailing(self._directory.client, store)

    async def stop(self) -> None:
        """Finish what is under way, and close the store."""
        await self._keeping.stop()
        await self._sending.stop()
        if self._client is not None:
            self._client.close()
        if self._service is not None:
            await self._service.stop()
        if self._access is not None:
            await self._access.finish()
        if self._store is not None:
            self._store.close()

    def status(self) -> IssuerStatus:
        """Return how it is now."""
        served = None if self._service is None else self._service.status()
        problems = (
            self._keeping.problem,
            self._sending.problem,
            None if self._store is None else self._store.problem,
            self._looking_problem,
            self._mailing_problem,
            None if served is None else served.problem,
        )
        return IssuerStatus(
            pid=os.getpid(),
            surveys=len(self._surveys.places()),
            provider_connected=served is not None and served.connected,
            answered=0 if served is None else served.answered,
            problem=next((problem for problem in problems if problem is not None), None),
        )

    def _served(self, issuing: SurveyIssuing) -> ServiceProgram:
        config, path = self._directory.config, self._directory.path

        def make(context: ServiceContext) -> SurveyIssuer:
            return SurveyIssuer(issuing, context.clock)

        own = path / SERVICE
        make_directory(own)
        place = SocketPlace(self._directory.socket, config.provider_user)
        return ServiceProgram(Serving(factory=make, place=place, directory=own), world=self._world)

    def _refresh(self, commits: SharedCommits) -> None:
        def write(work: Callable[[Connection], None]) -> None:
            commits.write(work)

        self._surveys.refresh(
            # Keys are erased for ever: not by a clock that is wrong for a minute.
            self._world.cautious_clock.seconds(),
            ended=lambda key_id: write(lambda connection: erase_signed(connection, key_id)),
            closed=lambda draft_id: write(lambda connection: erase_people(connection, draft_id)),
        )

    async def _keep(self, commits: SharedCommits) -> None:
        pause = Pause(self._world.clock)
        while True:
            await pause.wait(ROUND_S)
            try:
                await self._in_thread(lambda: self._refresh(commits))
            except LoopixmixError as error:
                # The status tells it, and the log when that changes: a line in two seconds would fill a disk further.
                self._looking_problem = f"the surveys cannot be looked through: {error}"
            else:
                self._looking_problem = None

    def _open_mailing(self, directory: Path, store: Store) -> None:
        reactor = self._world.reactor
        client = self._client = remote_client(directory, reactor=reactor, rng=self._world.rng)
        access = self._access = threaded_access(store, waiting="codes", call_on_reactor=reactor.callFromThread)
        mailing = CodeMailing(client, surveys=self._surveys, access=access)
        client.on_received(ASK_KIND, mailing.answer, reader=READER)
        self._sending.start(partial(self._send, mailing))

    async def _send(self, mailing: CodeMailing) -> None:
        pause = Pause(self._world.clock)
        while True:
            try:
                await mailing.send_waiting()
                self._mailing_problem = None
            except LoopixmixError as error:
                # A client that is away now will be there again: the codes wait in the store.
                self._mailing_problem = f"codes wait to be sent: {error}"
            await pause.wait(ROUND_S)

    def _in_thread(self, work: Callable[[], _T]) -> Awaitable[_T]:
        reactor = cast("IReactorFromThreads", self._world.reactor)
        return deferToThreadPool(reactor, self._world.reactor.getThreadPool(), work)

"""The program of a collector: a hosted service for respondents, and pages for those who look."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar, cast

import msgspec
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool

from loopixmix.process.files import make_directory
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task
from provider.api import ServiceContext
from provider.serving.program import ServiceProgram, Serving
from provider.serving.sockets import SocketPlace
from stats.collect.requests import SERVICE
from stats.collect.service import CollectorService
from stats.collect.waiting.room import HalfReleasedError
from stats.running.directory import CollectorDirectory
from stats.running.pages import ServedPages, pages_of
from stats.running.rounds import CollectorRounds
from stats.running.site import CollectorSite
from stats.running.standing import CollectorStanding, SurveyStatus
from stats.running.wiring import CollectorParts, open_collector

_T = TypeVar("_T")


class CollectorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the program is, as its status file has it. `refused`: reports since it was made, by reason."""

    pid: int
    page_port: int
    provider_connected: bool
    answered: int
    surveys: list[SurveyStatus]
    refused: dict[str, int]
    problem: str | None


class CollectorProgram(Program):
    """Runs a collector."""

    def __init__(self, directory: CollectorDirectory, *, world: World) -> None:
        """`world`: given by the process."""
        self._directory = directory
        self._world = world
        self._parts: CollectorParts | None = None
        self._service: ServiceProgram | None = None
        self._pages: ServedPages | None = None
        self._site: CollectorSite | None = None
        self._rounds: CollectorRounds | None = None
        self._going = Task("releasing reports", clock=world.clock, rng=world.rng)

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    def start(self) -> None:
        """Open the stores, and listen for the provider and for those who look."""
        world = self._world
        # Reports of a period that is over are erased, if they are too few: not by a clock that is wrong for a minute.
        parts = open_collector(self._directory, clock=world.cautious_clock, rng=world.rng, call_on_reactor=self._call)
        rounds = CollectorRounds(parts, in_thread=self._in_thread, clock=world.clock)
        try:
            # All surveys are there before the first respondent is.
            rounds.begin()
            self._pages = pages_of(self._directory, parts, world=world, in_thread=self._in_thread)
            self._site = CollectorSite(self._directory, self._pages.factory, reactor=world.reactor)
            service = self._served(parts)
            service.start()
        except BaseException:
            if self._site is not None:
                self._site.leave()
            if self._pages is not None:
                self._pages.close()
            parts.close()
            raise
        self._parts, self._service, self._rounds = parts, service, rounds
        self._going.start(partial(self._go_on, rounds))

    async def stop(self) -> None:
        """Stop listening, finish what is under way, and close the stores."""
        if self._rounds is not None:
            await self._rounds.end()
        await self._going.stop()
        if self._site is not None:
            await self._site.stop()
        if self._pages is not None:
            self._pages.close()
        if self._service is not None:
            await self._service.stop()
        if self._parts is not None:
            await self._parts.stop()

    def status(self) -> CollectorStatus:
        """Return how it is now."""
        served = None if self._service is None else self._service.status()
        problems = (
            self._going.problem,
            None if self._parts is None else self._parts.problem,
            None if self._rounds is None else self._rounds.problem,
            None if served is None else served.problem,
        )
        standing = CollectorStanding() if self._rounds is None else self._rounds.standing
        return CollectorStatus(
            pid=os.getpid(),
            page_port=0 if self._site is None else self._site.port,
            provider_connected=served is not None and served.connected,
            answered=0 if served is None else served.answered,
            surveys=list(standing.surveys),
            refused=dict(standing.refused),
            problem=next((problem for problem in problems if problem is not None), None),
        )

    async def _go_on(self, rounds: CollectorRounds) -> None:
        try:
            await rounds.go_on()
        except HalfReleasedError as error:
            # Only a new start completes it: what goes on here would release the same reports twice.
            self._world.end(error)

    def _served(self, parts: CollectorParts) -> ServiceProgram:
        config, path = self._directory.config, self._directory.path

        def make(_: ServiceContext) -> CollectorService:
            return CollectorService(parts.collector, parts.lane, parts.shares)

        own = path / SERVICE
        make_directory(own)
        place = SocketPlace(path / config.socket, config.provider_user)
        return ServiceProgram(Serving(factory=make, place=place, directory=own), world=self._world)

    def _call(self, work: Callable[..., object], *args: object) -> None:
        cast("IReactorFromThreads", self._world.reactor).callFromThread(work, *args)

    def _in_thread(self, work: Callable[[], _T]) -> Awaitable[_T]:
        reactor = cast("IReactorFromThreads", self._world.reactor)
        return deferToThreadPool(reactor, self._world.reactor.getThreadPool(), work)

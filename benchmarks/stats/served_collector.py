"""A collector with one open survey, as a service outside the provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThread

from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng
from provider.api import ServiceContext
from stats.collect.service import CollectorService, NoShares
from stats.questionnaire.questionnaire import decode_questionnaire
from stats.running.directory import CONFIG_FILE, CollectorConfig, CollectorDirectory
from stats.running.rounds import CollectorRounds
from stats.running.wiring import CollectorParts, open_collector

_T = TypeVar("_T")


class MeasuredCollector(CollectorService):
    """The service, with the rounds that the collector's own program makes."""

    def __init__(self, parts: CollectorParts, rounds: CollectorRounds, *, clock: Clock, rng: Rng) -> None:
        """`rounds`: go on until `close`."""
        super().__init__(parts.collector, parts.lane, NoShares())
        self._parts = parts
        self._rounds = rounds
        self._going = Task("releasing reports", clock=clock, rng=rng)
        self._going.start(rounds.go_on)

    async def close(self) -> None:
        """Stop, and close the stores."""
        await self._rounds.end()
        await self._parts.stop()


def make_collector(context: ServiceContext) -> MeasuredCollector:
    """Make the service, with the survey in the file `context.settings["questionnaire"]`."""
    data = Path(str(context.settings["questionnaire"])).read_bytes()
    if not (context.directory / CONFIG_FILE).exists():
        CollectorDirectory.create(context.directory, CollectorConfig())
    parts = open_collector(
        CollectorDirectory(context.directory),
        clock=context.clock,
        rng=context.rng,
        call_on_reactor=cast("IReactorFromThreads", reactor).callFromThread,
    )
    parts.ledger.add_survey(decode_questionnaire(data).survey_id, data)
    rounds = CollectorRounds(parts, in_thread=_in_thread, clock=context.clock)
    rounds.begin()
    return MeasuredCollector(parts, rounds, clock=context.clock, rng=context.rng)


def _in_thread(work: Callable[[], _T]) -> Awaitable[_T]:
    return deferToThread(work)

"""The collector's round: new surveys are taken up, batches that are due are released, counts are written down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from loopixmix.errors import LoopixmixError
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock
from stats.analysts.aside import WorkAside
from stats.collect.waiting.batch import DrawnBatch
from stats.collect.waiting.room import HalfReleasedError
from stats.running.standing import CollectorStanding, ToldSurvey, standing_of
from stats.running.wiring import CollectorParts

ROUND_S = 1.0

_log = Logger()


class CollectorRounds:
    """Makes rounds. What cannot be done now, because a store is away, is tried again in the next one."""

    def __init__(self, parts: CollectorParts, *, in_thread: WorkAside, clock: Clock) -> None:
        """`in_thread`: for what waits for the column store, so that reports are taken meanwhile."""
        self._parts = parts
        self._in_thread = in_thread
        self._pause = Pause(clock)
        self._is_ending = False
        self._ended: Deferred[None] | None = None
        """Fires when the present call of `go_on` is over."""
        self._drawn: list[DrawnBatch] = []
        self.standing = CollectorStanding()
        """How all surveys were in the last round."""
        self.problem: str | None = None
        """Why the last round could not do all, in one line."""

    def begin(self) -> None:
        """Take up all surveys, before anybody may ask; raise `StoreError`."""
        collector = self._parts.collector
        for running in collector.load_new():
            self._drawn += collector.admit(running)

    async def go_on(self) -> None:
        """Make rounds until `end`; raise `HalfReleasedError`."""
        ended: Deferred[None] = Deferred()
        self._ended = ended
        try:
            while not self._is_ending:
                await self.make()
                if not self._is_ending:
                    await self._pause.wait(ROUND_S)
        finally:
            self._ended = None
            ended.callback(None)

    def end(self) -> Deferred[None]:
        """Make no further round; fires when the one that is under way is over."""
        # It is not cancelled: its thread would go on, in stores that are closed.
        self._is_ending = True
        ended = self._ended
        self._pause.wake()
        return ended if ended is not None else succeed(None)

    async def make(self) -> None:
        """Make one round; raise `HalfReleasedError`."""
        steps = (self._take_up, self._look_again, self._draw, self._release, self._tell)
        problems = [await self._tried(step) for step in steps]
        found = next((problem for problem in problems if problem is not None), None)
        if found is not None and self.problem is None:
            _log.error("the collector goes on when this is mended: {problem}", problem=found)
        self.problem = found

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> str | None:
        try:
            await step()
        except HalfReleasedError:
            raise
        except LoopixmixError as error:
            return str(error)
        return None

    async def _take_up(self) -> None:
        collector, lane = self._parts.collector, self._parts.lane
        for running in await self._in_thread(collector.load_new):
            self._drawn += await lane.do(partial(collector.admit, running))

    async def _look_again(self) -> None:
        await self._parts.lane.do(self._parts.collector.look_again)

    async def _draw(self) -> None:
        # One at a time: what was drawn before a disk was full has to be released all the same.
        while (batch := await self._parts.lane.do(self._parts.collector.draw_due)) is not None:
            self._drawn.append(batch)

    async def _release(self) -> None:
        drawn: Sequence[DrawnBatch] = tuple(self._drawn)
        for batch in drawn:
            await self._in_thread(partial(self._parts.collector.append, batch))
            await self._parts.lane.do(partial(self._parts.collector.forget, batch))
            self._drawn.remove(batch)

    async def _tell(self) -> None:
        collector, ledger = self._parts.collector, self._parts.ledger
        waiting = await self._parts.lane.do(collector.waiting)
        surveys = [
            ToldSurvey(each.number, each.survey.survey_id, each.survey.questionnaire.draft)
            for each in collector.running()
        ]
        self.standing = await self._in_thread(lambda: standing_of(ledger, surveys, waiting))

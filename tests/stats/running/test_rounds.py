from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar, cast

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from loopixmix.errors import StoreError
from stats.collect.collector import Columns
from stats.collect.lane import CollectorLane
from stats.collect.waiting.room import HalfReleasedError
from stats.counters.taking import ShareIntake
from stats.questionnaire.questionnaire import encode_canonical
from stats.running.rounds import ROUND_S, CollectorRounds
from stats.running.wiring import CollectorParts
from tests.worlds.stats.collected import CollectorWorld, Respondents, frozen, survey_draft

_T = TypeVar("_T")


class InlineWork:
    """Does work at once, as a lane's `do` and as work in a thread; some of it fails if a test wants that."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def do(self, work: Callable[[], _T]) -> Deferred[_T]:
        return self(work)

    def __call__(self, work: Callable[[], _T]) -> Deferred[_T]:
        try:
            return succeed(work())
        except Exception as error:
            return fail(error)


class RoundsWorld:
    """A collector that makes rounds, without threads."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.world = CollectorWorld(directory, takes_up=False)
        self.work = InlineWork()
        lane = cast("CollectorLane", self.work)
        columns = Columns(self.world.released, self.world.raw)
        self.parts = CollectorParts(self.world.collector, lane, self.world.ledger, columns, cast("ShareIntake", None))
        self.rounds = CollectorRounds(self.parts, in_thread=self.work, clock=self.clock)
        self.people = Respondents(frozen(survey_draft()))

    def add(self) -> None:
        self.world.ledger.add_survey(self.people.survey_id, encode_canonical(self.people.questionnaire))

    def answer(self, count: int) -> None:
        assert self.world.take(*(self.people.encoded() for _ in range(count))) == [None] * count

    def later(self, seconds: float = ROUND_S) -> None:
        self.world.clock.now_s += seconds
        self.clock.advance(seconds)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RoundsWorld]:
    made = RoundsWorld(tmp_path)
    yield made
    made.world.close()


def test_surveys_are_taken_up_and_reports_released_round_by_round(running: RoundsWorld) -> None:
    ended = Deferred.fromCoroutine(running.rounds.go_on())
    running.add()
    running.later()
    running.answer(5)
    running.later()
    [status] = running.rounds.standing.surveys
    assert (status.waiting, status.released, status.is_settled) == (5, 0, False)
    running.later(600)
    [status] = running.rounds.standing.surveys
    assert (status.waiting, status.released) == (0, 5)
    running.world.take(b"junk")
    running.later(3600)
    assert running.rounds.standing.surveys[0].is_settled
    assert running.rounds.standing.refused == {"malformed": 1}
    assert running.rounds.problem is None
    finished = running.rounds.end()
    assert finished.called
    assert ended.called
    assert running.clock.getDelayedCalls() == []


def test_what_was_begun_before_is_finished_first(running: RoundsWorld, tmp_path: Path) -> None:
    running.add()
    running.rounds.begin()
    running.answer(5)
    running.world.clock.now_s += 1000
    assert running.world.collector.draw_due() is not None
    running.world.close()
    again = RoundsWorld(tmp_path)
    running.world = again.world
    again.rounds.begin()
    assert again.world.waiting() == 0
    assert Deferred.fromCoroutine(again.rounds.make()).called
    assert again.rounds.standing.surveys[0].released == 5


def test_a_store_that_is_away_is_told_once_and_tried_again(running: RoundsWorld) -> None:
    told: list[str] = []
    globalLogPublisher.addObserver(lambda event: told.append(str(event.get("problem", ""))))
    running.add()
    running.rounds.begin()
    running.answer(5)
    append, running.world.released.append = running.world.released.append, _away  # type: ignore[method-assign,assignment]
    ended = Deferred.fromCoroutine(running.rounds.go_on())
    running.later(1000)
    running.later()
    assert running.rounds.problem == "away"
    assert told.count("away") == 1
    # Reports are taken meanwhile, and what was drawn is released later.
    running.answer(3)
    running.world.released.append = append  # type: ignore[method-assign]
    running.later()
    assert running.rounds.problem is None
    assert running.rounds.standing.surveys[0].released == 5
    running.rounds.end()
    assert ended.called


def test_a_release_that_was_left_half_way_ends_it(running: RoundsWorld) -> None:
    def torn() -> None:
        raise HalfReleasedError("torn")

    running.world.collector.draw_due = torn  # type: ignore[method-assign,assignment]
    failed: list[object] = []
    Deferred.fromCoroutine(running.rounds.go_on()).addErrback(lambda failure: failed.append(failure.value))
    assert [type(error) for error in failed] == [HalfReleasedError]
    assert running.clock.getDelayedCalls() == []


def _away(*_: object) -> None:
    raise StoreError("away")

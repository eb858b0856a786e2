from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stats.questionnaire.questionnaire import Questionnaire
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.stats.collected import CollectorWorld, Respondents, SetClock, frozen, survey_draft


class Running:
    """A collector with one survey, and those who answer it."""

    def __init__(self, directory: Path, questionnaire: Questionnaire, url: str = "") -> None:
        self._directory, self._url = directory, url
        self.clock = SetClock()
        self.world = CollectorWorld(directory, clock=self.clock, url=url)
        self.world.add(questionnaire)
        self.people = Respondents(questionnaire)

    def restart(self) -> None:
        self.world.close()
        self.world = CollectorWorld(self._directory, clock=self.clock, seed=2, url=self._url)

    def answer(self, count: int, *, period: int = 0) -> list[bytes]:
        reports = [self.people.encoded(period=period) for _ in range(count)]
        assert self.world.take(*reports) == [None] * count
        return reports


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path, frozen(survey_draft()), new_database(request.param, tmp_path))
    yield made
    made.world.close()


def test_reports_wait_until_they_are_enough_and_are_released_together(running: Running) -> None:
    running.answer(4)
    running.clock.now_s += 1000
    assert running.world.release() == []
    running.answer(1)
    assert running.world.release() == [5]
    assert running.world.rows() == [(0, 1, 1, 2)] * 5
    assert running.world.waiting() == 0


def test_the_same_report_is_answered_as_the_first_time_and_counted_once(running: Running) -> None:
    [report, *_] = running.answer(5)
    assert running.world.take(report, report) == [None, None]
    assert running.world.waiting() == 5
    running.clock.now_s += 1000
    assert running.world.release() == [5]
    assert running.world.take(report) == [None]
    running.restart()
    assert running.world.take(report) == [None]
    assert running.world.waiting() == 0

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from loopixmix.errors import StoreError
from stats.collect.refusals import ReportRefusal
from stats.columns.duckdb_engine import DuckDbColumns
from stats.columns.seams import Column, SheetTable
from stats.questionnaire.questionnaire import AtClose, Mode, PersonKind, Questionnaire, Travel, encode_canonical
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.stats.collected import OPENS_S, PERIOD_S, CollectorWorld, Respondents, SetClock, frozen, survey_draft


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


def test_a_token_is_spent_with_one_report_whether_that_waits_or_was_released(running: Running) -> None:
    token = running.people.token()
    first, second = (running.people.encoded(token=token) for _ in range(2))
    assert running.world.take(first, second) == [None, ReportRefusal.TOKEN]
    assert running.world.take(second) == [ReportRefusal.TOKEN]
    running.restart()
    assert running.world.take(second, first) == [ReportRefusal.TOKEN, None]
    running.answer(4)
    running.clock.now_s += 1000
    assert running.world.release() == [5]
    assert running.world.take(second, first) == [ReportRefusal.TOKEN, None]
    running.restart()
    assert running.world.take(second, first) == [ReportRefusal.TOKEN, None]
    assert len(running.world.rows()) == 5


def test_reports_and_batches_outlive_a_restart(running: Running) -> None:
    running.answer(6)
    running.restart()
    assert running.world.waiting() == 6
    running.clock.now_s += 1000
    assert running.world.release() == [6]
    running.answer(7)
    running.restart()
    running.clock.now_s += 1000
    assert running.world.release() == [7]
    [survey] = running.world.collector.running()
    assert [(each.batch, each.rows) for each in running.world.ledger.batches(survey.number)] == [(1, 6), (2, 7)]


def test_the_wait_counts_from_the_last_release_also_after_a_restart(running: Running) -> None:
    running.answer(5)
    running.clock.now_s += 600
    assert running.world.release() == [5]
    running.answer(5)
    running.clock.now_s += 599
    running.restart()
    assert running.world.release() == []
    running.clock.now_s += 1
    assert running.world.release() == [5]


def test_at_the_end_what_is_too_few_is_discarded_and_told(running: Running) -> None:
    [report, *_] = running.answer(4)
    running.clock.now_s = OPENS_S + PERIOD_S
    assert running.world.release() == []
    [survey] = running.world.collector.running()
    assert survey.is_settled
    assert running.world.ledger.discarded(survey.number) == {(0, 0): 4}
    assert (running.world.waiting(), running.world.rows()) == (0, [])
    assert list((running.world.directory / "waiting").iterdir()) == []
    # A clock that is set back does not open it again.
    running.clock.now_s = OPENS_S + 1
    assert running.world.take(report, running.people.encoded()) == [ReportRefusal.CLOSED] * 2


def test_at_the_end_all_that_is_enough_is_released_at_once(running: Running) -> None:
    running.answer(5)
    running.clock.now_s = OPENS_S + PERIOD_S
    assert running.world.release() == [5]
    [survey] = running.world.collector.running()
    assert survey.is_settled
    assert running.world.ledger.spent(survey.number, 0, []) == {}


def test_refusals_are_counted_by_survey_and_reason(running: Running) -> None:
    good = running.people.encoded()
    bad = [b"", good[:-1], b"\2" + good[1:], good[:1] + bytes(32) + good[33:]]
    bad += [running.people.encoded((4, 0)), running.people.encoded(token=b""), running.people.encoded(period=0)]
    outcomes = running.world.take(*bad)
    malformed, unknown = ReportRefusal.MALFORMED, ReportRefusal.UNKNOWN_SURVEY
    assert outcomes == [malformed] * 3 + [unknown, ReportRefusal.OUTSIDE_DOMAIN, ReportRefusal.TOKEN, None]
    running.clock.now_s -= 10
    assert running.world.take(good) == [ReportRefusal.CLOSED]
    for _ in range(2):
        running.world.collector.look_again()
    survey_id = running.people.survey_id
    assert running.world.ledger.refusals() == {
        (b"", malformed): 3,
        (b"", unknown): 1,
        (survey_id, ReportRefusal.OUTSIDE_DOMAIN): 1,
        (survey_id, ReportRefusal.TOKEN): 1,
        (survey_id, ReportRefusal.CLOSED): 1,
    }


def test_the_operator_closes_a_survey_before_its_time(running: Running) -> None:
    running.answer(7)
    running.clock.now_s += 10
    running.world.ledger.close_survey(running.people.survey_id, int(running.clock.now_s))
    running.world.collector.look_again()
    assert running.world.take(running.people.encoded()) == [ReportRefusal.CLOSED]
    assert running.world.release() == [7]
    assert running.world.collector.running()[0].is_settled


def test_surveys_are_added_while_it_runs_and_do_not_mix(running: Running) -> None:
    draft = survey_draft(threshold=3)
    other = Respondents(frozen(draft))
    assert running.world.take(other.encoded()) == [ReportRefusal.UNKNOWN_SURVEY]
    running.world.add(other.questionnaire)
    running.world.add(other.questionnaire)
    running.answer(4)
    assert running.world.take(*(other.encoded((3, 3)) for _ in range(3))) == [None] * 3
    running.clock.now_s += 1000
    assert running.world.release() == [3]
    assert running.world.collector.waiting() == {running.people.survey_id: 4, other.survey_id: 0}
    assert running.world.collector.questionnaire(other.survey_id) == encode_canonical(other.questionnaire)
    assert running.world.collector.questionnaire(bytes(32)) is None


def test_some_are_held_back_until_the_end_if_the_survey_says_so(tmp_path: Path) -> None:
    running = Running(tmp_path, frozen(survey_draft(at_close=AtClose.MERGE)))
    running.answer(9)
    running.clock.now_s += 1000
    assert running.world.release() == []
    running.answer(3)
    assert running.world.release() == [7]
    assert running.world.waiting() == 5
    running.clock.now_s = OPENS_S + PERIOD_S
    assert running.world.release() == [5]
    assert len(running.world.rows()) == 12
    running.world.close()


def test_sheets_and_periods_are_released_apart(tmp_path: Path) -> None:
    running = Running(tmp_path, frozen(survey_draft(travel=Travel.SEPARATE, periods=2, threshold=2)))
    people = running.people
    assert running.world.take(*(people.encoded((value,), sheet=0) for value in (0, 1, 2, 3))) == [None] * 4
    assert running.world.take(people.encoded((1,), sheet=1)) == [None]
    assert running.world.release() == [4]
    running.clock.now_s = OPENS_S + PERIOD_S
    assert running.world.release() == []
    reports = [people.encoded((value,), sheet=1, period=1) for value in (3, 2, 1, 0)]
    assert running.world.take(*reports) == [None] * 4
    assert running.world.release() == [4]
    assert running.world.rows(0) == [(0, 1, value) for value in (0, 1, 2, 3)]
    assert running.world.rows(1) == [(1, 1, value) for value in (0, 1, 2, 3)]
    [survey] = running.world.collector.running()
    assert running.world.ledger.discarded(survey.number) == {(1, 0): 1}
    assert survey.standing.closed_periods == 1
    running.world.close()


def test_an_open_survey_counts_each_report_once(tmp_path: Path) -> None:
    running = Running(tmp_path, frozen(survey_draft(kind=PersonKind.OPEN)))
    reports = running.answer(5)
    assert running.world.take(*reports) == [None] * 5
    running.clock.now_s += 1000
    assert running.world.release() == [5]
    assert running.world.take(*reports) == [None] * 5
    assert running.world.waiting() == 0
    running.world.close()


@pytest.mark.parametrize(("kind", "last"), [(PersonKind.OPEN, ReportRefusal.FULL), (PersonKind.CODES, None)])
def test_a_stranger_cannot_fill_the_disk(tmp_path: Path, kind: PersonKind, last: ReportRefusal | None) -> None:
    survey, clock = frozen(survey_draft(kind=kind)), SetClock()
    world, people = CollectorWorld(tmp_path, clock=clock, most_open=7), Respondents(survey)
    world.add(survey)
    first = [people.encoded() for _ in range(5)]
    assert world.take(*first) == [None] * 5
    clock.now_s += 1000
    assert world.release() == [5]
    assert world.take(people.encoded(), people.encoded(), people.encoded()) == [None, None, last]
    world.close()
    # Released and waiting ones are known after a restart, too; and one that counted is answered as before.
    world = CollectorWorld(tmp_path, clock=clock, seed=2, most_open=7)
    assert world.take(people.encoded(), first[0]) == [last, None]
    world.close()


def test_true_answers_go_where_only_noisy_questions_reach(tmp_path: Path) -> None:
    running = Running(tmp_path, frozen(survey_draft(mode=Mode.CENTRAL)))
    running.answer(5)
    running.clock.now_s += 1000
    assert running.world.release() == [5]
    [survey] = running.world.collector.running()
    table = survey.survey.table(0)
    assert running.world.raw.batches(table) == [(0, 1, 5)]
    assert running.world.released.batches(table) == []
    running.world.close()


class Away:
    """A column store whose server is away for as long as a test wants."""

    def __init__(self, store: DuckDbColumns) -> None:
        self.store = store
        self.is_away = False
        self.loses_answers = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    def append(self, table: SheetTable, batch: int, period: int, columns: Sequence[Column]) -> None:
        if self.is_away:
            raise StoreError("away")
        self.store.append(table, batch, period, columns)
        if self.loses_answers:
            raise StoreError("no answer")


@pytest.mark.parametrize("loses_answers", [False, True])
def test_a_batch_waits_for_a_column_store_that_is_away_and_comes_once(tmp_path: Path, loses_answers: bool) -> None:
    running = Running(tmp_path, frozen(survey_draft()))
    away = Away(running.world.released)
    object.__setattr__(running.world.collector._columns, "released", away)
    away.is_away, away.loses_answers = not loses_answers, loses_answers
    [report, *_] = running.answer(5)
    running.clock.now_s += 1000
    with pytest.raises(StoreError):
        running.world.release()
    # Meanwhile reports are taken, no second batch of the pool is drawn, and the first one is not forgotten.
    assert running.world.take(report) == [None]
    running.answer(20)
    assert running.world.release() == []
    running.restart()
    assert sorted(running.world.rows()) == [(0, 1, 1, 2)] * 5
    assert running.world.waiting() == 20
    assert running.world.release() == [20]
    assert running.world.take(report) == [None]
    running.world.close()


def test_a_store_that_was_put_back_from_a_copy_does_not_use_a_batch_number_again(tmp_path: Path) -> None:
    running = Running(tmp_path, frozen(survey_draft()))
    running.answer(5)
    running.clock.now_s += 1000
    [survey] = running.world.collector.running()
    running.world.released.append(survey.survey.table(0), 7, 0, [np.array([1], np.uint64)] * 2)
    running.restart()
    assert running.world.release() == [5]
    assert [batch for _, batch, _ in running.world.released.batches(survey.survey.table(0))] == [7, 8]
    running.world.close()

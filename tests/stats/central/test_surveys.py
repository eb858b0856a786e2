"""Sheets of surveys with central noise are data sets of true answers."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec
import pytest

from loopixmix.errors import MisuseError, StoreError
from stats.central.datasets import DataSets
from stats.central.rows import DataAwayError
from stats.central.surveys import SheetSource, sheet_table, sheet_terms
from stats.central.terms import CategoryColumn, NumberColumn, check_terms
from stats.columns.seams import SheetTable
from stats.questionnaire.questionnaire import (
    Batching,
    MechanismKind,
    MechanismSpec,
    Mode,
    Periods,
    PersonKind,
    Persons,
    PrivacyGoal,
    Questionnaire,
    Sheet,
    SurveyDraft,
)
from stats.questionnaire.questions import MultipleChoice, NumberQuestion, SingleChoice, TripQuestion
from tests.worlds.stats.data_sets import MARKED, NoNoise, open_budgets

QUESTIONS = (
    SingleChoice(name="mood", text="How are you?", options=("well", "badly")),
    MultipleChoice(name="sports", text="Which?", options=("ski", "swim", "run")),
    NumberQuestion(name="age", text="How old?", edges=(0, 10, 20, 31)),
    TripQuestion(name="trip", text="Where?", places=tuple(f"p{n}" for n in range(40))),
)
NAMES = tuple(question.name for question in QUESTIONS)
TABLE = SheetTable("r_0123456789abcdef_0", NAMES)


def survey(mode: Mode = Mode.CENTRAL, sheets: int = 1, periods: int = 1) -> Questionnaire:
    draft = SurveyDraft(
        name="well",
        version=1,
        title="Well?",
        consent="Yes.",
        opens=datetime(2026, 12, 1, tzinfo=UTC),
        closes=datetime(2026, 12, 2, tzinfo=UTC),
        collector="b",
        persons=Persons(kind=PersonKind.CODES, issuer="a"),
        privacy=PrivacyGoal(mode=mode, eps="2"),
        batching=Batching(threshold=10, longest_wait_s=60),
        periods=Periods(length_s=60, count=periods) if periods > 1 else None,
        questions=QUESTIONS,
    )
    none = MechanismSpec(kind=MechanismKind.NONE, domain=2, true_weight=1, false_weight=0)
    sheet = Sheet(purpose="stats-0123456789abcdef-0", questions=NAMES, mechanisms=(none,) * len(NAMES))
    return Questionnaire(draft=draft, sheets=(sheet,) * sheets, keys=())


class AnswerTable:
    """A column store with the true answers of one sheet; of its methods only `select` may be called."""

    def __init__(self, rows: list[tuple[int, int, int, int]]) -> None:
        self._connection = duckdb.connect(":memory:")
        columns = ", ".join(f'"{name}" UBIGINT' for name in NAMES)
        self._connection.execute(f'CREATE TABLE "{TABLE.name}" ({columns})')
        self._connection.executemany(f'INSERT INTO "{TABLE.name}" VALUES (?, ?, ?, ?)', rows)

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        assert tables == [TABLE.name]
        return [], self._connection.execute(sql).fetchmany(most_rows)


class BrokenTable:
    """A column store whose faults quote rows."""

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        raise StoreError(MARKED)


def test_terms_follow_from_the_questions() -> None:
    terms = sheet_terms(survey(), 0)
    check_terms(terms)
    assert [column.name for column in terms.columns] == ["mood", "sports_0", "sports_1", "sports_2", "age"]
    assert terms.column("mood") == CategoryColumn(name="mood", values=("well", "badly"), other="none of these")
    assert terms.column("age") == NumberColumn(name="age", lower="4.5", upper="25.5", step="0.5")
    assert (terms.eps, terms.eps_each, terms.rows_each) == ("2.000000", "0.100000", 1)


def test_the_budget_is_divided_by_the_sheets_and_holds_for_all_periods() -> None:
    terms = sheet_terms(survey(sheets=3, periods=5), 1)
    assert (terms.eps, terms.rows_each) == ("0.666666", 5)


def test_answers_are_those_of_the_reports(tmp_path: Path) -> None:
    rows = [(0, 0b101, 0, 5), (0, 0b100, 1, 6), (1, 0b001, 2, 7), (1, 0b111, 2, 8)]
    asked, budgets = survey(), open_budgets(tmp_path)
    budgets.declare("well_1_0", sheet_terms(asked, 0))
    source = SheetSource(AnswerTable(rows), {"well_1_0": sheet_table(asked, 0, TABLE)})  # type: ignore[arg-type]
    data = DataSets(budgets, [source], NoNoise(), lambda: 0.0)
    made = data.ask("well_1_0", "SELECT mood, count(*), sum(age) FROM well_1_0 GROUP BY mood", "eva")
    assert [(row.group, *(value.value for value in row.values)) for row in made.rows] == [
        (("well",), 2, 4.5 + 14.5),
        (("badly",), 2, 25.5 * 2),
        (("none of these",), 0, 0),
    ]
    made = data.ask("well_1_0", "SELECT count(*), median(age) FROM well_1_0 WHERE sports_1 = 'yes'", "eva")
    assert made.rows[0].values[0].value == 1
    made = data.ask("well_1_0", "SELECT count(*) FROM well_1_0 WHERE sports_0 = 'yes' AND age < 20", "eva")
    assert made.rows[0].values[0].value == 1
    assert source.find("other") is None


def test_faults_of_the_store_tell_nothing(caplog: pytest.LogCaptureFixture) -> None:
    source = SheetSource(BrokenTable(), {"x": sheet_table(survey(), 0, TABLE)})  # type: ignore[arg-type]
    rows = source.find("x")
    assert rows is not None
    with caplog.at_level(logging.DEBUG), pytest.raises(DataAwayError) as refused:
        rows.rows("SELECT 1", 1)
    assert refused.value.__suppress_context__
    assert MARKED not in caplog.text + str(refused.value)


def test_a_survey_without_central_noise_has_no_data_set() -> None:
    with pytest.raises(MisuseError, match="central"):
        sheet_terms(survey(Mode.LOCAL), 0)
    trips = survey()
    only = msgspec.structs.replace(trips, sheets=(msgspec.structs.replace(trips.sheets[0], questions=("trip",)),))
    with pytest.raises(MisuseError, match="1,000 values"):
        sheet_terms(only, 0)

"""What is asked of the column store, and what is kept of its answers."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

import pytest

from loopixmix.errors import MisuseError
from stats.columns.duckdb_engine import DuckDbColumns
from stats.columns.seams import CellFilter, Column, SheetTable
from stats.dashboard.central import DataSetPages
from stats.dashboard.pages import DashboardPages
from stats.dashboard.queries import ResultQueries, columns_of, page_queries
from stats.dashboard.results import SurveyResults, asked
from stats.questionnaire.questionnaire import MechanismKind, Travel
from tests.worlds.stats_dashboard import (
    AGE,
    HOME,
    PLACE,
    ROUTE,
    TRANSPORT,
    DashboardWorld,
    answered,
    drafted,
    frozen,
    html,
    spec,
)


class CountingColumns:
    """A column store that counts what it is asked."""

    def __init__(self, inner: DuckDbColumns) -> None:
        self.inner = inner
        self.asked: list[tuple[str, tuple[str, ...], bool]] = []

    def ensure(self, table: SheetTable) -> None:
        self.inner.ensure(table)

    def has_batch(self, table: SheetTable, batch: int) -> bool:
        return self.inner.has_batch(table, batch)

    def append(self, table: SheetTable, batch: int, period: int, columns: Sequence[Column]) -> None:
        self.inner.append(table, batch, period, columns)

    def batches(self, table: SheetTable) -> list[tuple[int, int, int]]:
        self.asked.append(("batches", (table.name,), False))
        return self.inner.batches(table)

    def histogram(
        self, table: SheetTable, questions: Sequence[str], where: CellFilter, *, by_period: bool = False
    ) -> Mapping[tuple[int, ...], int]:
        self.asked.append(("histogram", tuple(questions), by_period))
        return self.inner.histogram(table, questions, where, by_period=by_period)

    def bit_counts(self, table: SheetTable, question: str, bits: int, where: CellFilter) -> list[int]:
        self.asked.append(("bits", (question,), False))
        return self.inner.bit_counts(table, question, bits, where)

    def select(
        self, sql: str, *, tables: Collection[str], most_rows: int
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        self.asked.append(("select", tuple(tables), False))
        return self.inner.select(sql, tables=tables, most_rows=most_rows)

    def close(self) -> None:
        self.inner.close()

    def counted(self) -> set[tuple[str, tuple[str, ...], bool]]:
        return set(self.asked)


def test_a_filter_of_batches_is_handed_on(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME])), 600)
    world.town.answer(survey, 700, batch=1)
    queries = ResultQueries(world.columns)
    _, column = asked(survey, "home")
    assert sum(queries.histogram(column).values()) == 1300
    assert sum(queries.histogram(column, CellFilter(batches=(0, 1))).values()) == 600
    assert [(batch.number, batch.reports) for batch in queries.batches(column.table)] == [(0, 600), (1, 700)]


def test_the_benchmark_runs_every_query_that_pages_send(world: DashboardWorld) -> None:
    counting = CountingColumns(world.columns)
    unary = {"home": spec(MechanismKind.UNARY, 5, 20)}
    survey = world.add(frozen(drafted("a", [HOME, TRANSPORT, AGE]), unary), 600)
    pages = OtherPages(world, counting)
    for question in ("home", "transport", "age"):
        pages.show("question", survey.short_id, question)
        pages.show("series", survey.short_id, question)
    for page in ("survey", "batches"):
        pages.show(page, survey.short_id)
    pages.show("cross", survey.short_id, rows="transport", columns="age")
    sent = counting.counted()
    counting.asked.clear()
    for _, run in page_queries(columns_of(survey.questionnaire, survey.tables.__getitem__)):
        run(counting)
    assert sent <= counting.counted()
    assert ("histogram", ("transport", "age"), False) in sent


def test_pairs_and_periods_of_too_many_reports_are_refused_before_they_are_asked(world: DashboardWorld) -> None:
    big = {"place": spec(MechanismKind.HADAMARD, 65_000, 20)}
    survey = world.add(frozen(drafted("a", [PLACE, ROUTE, HOME]), big))
    (_, place), (_, route), (_, home) = (asked(survey, name) for name in ("place", "route", "home"))
    queries = ResultQueries(world.columns)
    with pytest.raises(
        MisuseError, match="these two questions together have 4,225,000,000 cells; a table has at most 10,000"
    ):
        queries.pairs(place, place)
    with pytest.raises(MisuseError, match="period by period would have"):
        queries.periods(place)
    with pytest.raises(MisuseError, match="these two questions together have 780,000 cells"):
        queries.pairs(place, route)
    assert queries.pairs(route, home) == {}


class OtherPages:
    """The pages of a world, on another column store."""

    def __init__(self, world: DashboardWorld, columns: CountingColumns) -> None:
        self.world = world
        results = SurveyResults(world.view, ResultQueries(columns))
        data = DataSetPages(world.data_sets, random.Random(1))
        self.pages = DashboardPages(results, data, world.book, world.turns, clock=world.clock)

    def show(self, page: str, *parts: str, **query: str) -> str:
        return html(answered(getattr(self.pages, page)(self.world.visit(query), *parts)))


def test_separate_questions_have_no_pairs(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME, AGE], travel=Travel.SEPARATE)))
    names = [name for name, _ in page_queries(columns_of(survey.questionnaire, survey.tables.__getitem__))]
    assert len(names) == 6
    assert not any(name.startswith("pairs") for name in names)

"""Every query that the dashboard sends to the column store, in one place.

`page_queries` lists them all for one survey, so that a benchmark can run what pages run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TypeAlias

from loopixmix.errors import MisuseError
from stats.columns.seams import MOST_GROUPS, CellFilter, ColumnStore, SheetTable
from stats.estimate.crossing import MOST_CELLS
from stats.estimate.supporting import values_of
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec, Questionnaire
from stats.randomise.specified import mechanism_of

MOST_PERIODS = 60
"""A time series has at most so many periods, the last ones."""
MOST_EXPORTED = 500_000
"""Reports in one file. More are taken batch by batch."""
MOST_ROWS = 1_000
"""Of a query that an analyst wrote."""
ALL = CellFilter()

Histogram: TypeAlias = Mapping[tuple[int, ...], int]


@dataclass(frozen=True)
class AskedColumn:
    """A question as the column store knows it: its table, its column, its mechanism."""

    table: SheetTable
    question: str
    spec: MechanismSpec

    @property
    def is_bits(self) -> bool:
        """Tell whether its reports are sets of bits, too many to be counted one by one."""
        return self.spec.kind is MechanismKind.UNARY

    @property
    def values(self) -> int:
        """How many values have an estimate."""
        return values_of(mechanism_of(self.spec))

    @property
    def outputs(self) -> int:
        """How many different reports there are."""
        return mechanism_of(self.spec).outputs


@dataclass(frozen=True)
class BatchRow:
    """One batch: its period, its number, and how many reports were released in it."""

    period: int
    number: int
    reports: int


class ResultQueries:
    """Asks a column store. Threads may ask side by side; what is asked again, the store has kept."""

    def __init__(self, columns: ColumnStore) -> None:
        """`columns`: of randomised reports."""
        self._columns = columns

    def batches(self, table: SheetTable) -> list[BatchRow]:
        """Return the batches of a sheet."""
        return [BatchRow(*row) for row in self._columns.batches(table)]

    def histogram(self, column: AskedColumn, where: CellFilter = ALL) -> Histogram:
        """Return how often each report of a question came."""
        return one(self._columns, column, where)

    def bits(self, column: AskedColumn, where: CellFilter = ALL) -> list[int]:
        """Return how often each bit is set in the reports of a question."""
        return bits(self._columns, column, where)

    def pairs(self, first: AskedColumn, second: AskedColumn, where: CellFilter = ALL) -> Histogram:
        """Return how often two questions of one sheet were reported together; raise `MisuseError` if it is too much."""
        return pairs(self._columns, first, second, where)

    def periods(self, column: AskedColumn, where: CellFilter = ALL) -> Histogram:
        """Return how often each report came in each period; raise `MisuseError` if it is too much."""
        return periods(self._columns, column, where)

    def select(self, sql: str, tables: Collection[str]) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run a query that an analyst wrote: one SELECT on `tables`, randomised ones of one survey."""
        return self._columns.select(sql, tables=tables, most_rows=MOST_ROWS)

    def rows(self, table: SheetTable, where: CellFilter) -> tuple[list[str], list[tuple[object, ...]]]:
        """Return the rows of one table, at most `MOST_EXPORTED`."""
        return self._columns.select(rows_sql(table, where), tables=[table.name], most_rows=MOST_EXPORTED)


def one(columns: ColumnStore, column: AskedColumn, where: CellFilter) -> Histogram:
    """Ask for the histogram of one question."""
    return columns.histogram(column.table, [column.question], where)


def bits(columns: ColumnStore, column: AskedColumn, where: CellFilter) -> list[int]:
    """Ask for the bits of one question."""
    return columns.bit_counts(column.table, column.question, mechanism_of(column.spec).domain, where)


def pairs(columns: ColumnStore, first: AskedColumn, second: AskedColumn, where: CellFilter) -> Histogram:
    """Ask for the histogram of two questions."""
    if not _fits_a_table(first, second):
        cells = first.values * second.values
        raise MisuseError(f"these two questions together have {cells:,} cells; a table has at most {MOST_CELLS:,}")
    return columns.histogram(first.table, [first.question, second.question], where)


def periods(columns: ColumnStore, column: AskedColumn, where: CellFilter) -> Histogram:
    """Ask for the histogram of one question in each period."""
    _check_groups(column.outputs * MOST_PERIODS, "this question period by period")
    return columns.histogram(column.table, [column.question], where, by_period=True)


def rows_sql(table: SheetTable, where: CellFilter) -> str:
    """Return the query for the rows of one table. Names of tables and questions have no quotes in them."""
    named = (("period", where.periods), ("batch", where.batches))
    bounds = [f"{name} >= {low} AND {name} < {high}" for name, span in named if span for low, high in [span]]
    condition = f" WHERE {' AND '.join(bounds)}" if bounds else ""
    columns = ", ".join(f'"{name}"' for name in ("period", "batch", *table.questions))
    return f'SELECT {columns} FROM "{table.name}"{condition}'  # noqa: S608 (nothing in it is from outside)


def columns_of(survey: Questionnaire, table_of: Callable[[int], SheetTable]) -> list[AskedColumn]:
    """Return all questions of a survey. `table_of`: the table of each sheet, by its number."""
    return [
        AskedColumn(table_of(number), question, spec)
        for number, sheet in enumerate(survey.sheets)
        for question, spec in zip(sheet.questions, sheet.mechanisms, strict=True)
    ]


def page_queries(asked: Sequence[AskedColumn]) -> Iterator[tuple[str, Callable[[ColumnStore], object]]]:
    """Yield each query that the pages of one survey send, by a name: what a benchmark has to run.

    `asked`: all questions of the survey, as `columns_of` returns them.
    """
    for column in asked:
        if column.is_bits:
            yield f"bits of {column.question}", partial(bits, column=column, where=ALL)
            continue
        yield f"histogram of {column.question}", partial(one, column=column, where=ALL)
        if column.outputs * MOST_PERIODS <= MOST_GROUPS:
            yield f"periods of {column.question}", partial(periods, column=column, where=ALL)
    for table in {column.table.name: column.table for column in asked}.values():
        yield f"batches of {table.name}", partial(_batches, table=table)
    for first, second in combinations(asked, 2):
        if first.table == second.table and _fits_a_table(first, second):
            name = f"pairs of {first.question} and {second.question}"
            yield name, partial(pairs, first=first, second=second, where=ALL)


def _batches(columns: ColumnStore, table: SheetTable) -> object:
    return columns.batches(table)


def _fits_a_table(first: AskedColumn, second: AskedColumn) -> bool:
    """Tell whether two questions of one sheet make a cross table, before the store is asked for it."""
    return first.values * second.values <= MOST_CELLS and first.outputs * second.outputs <= MOST_GROUPS


def _check_groups(groups: int, words: str) -> None:
    if groups > MOST_GROUPS:
        raise MisuseError(f"{words} would have {groups:,} different reports; at most {MOST_GROUPS:,} can be told apart")

"""What the engine is asked: statements that are written anew from a question, with whole numbers in and out.

Only names of declared columns, whole numbers and texts in quotes get into a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stats.central.asking.questions import (
    Conjunction,
    DataQuestion,
    Disjunction,
    Negation,
    NumberRange,
    OneOfCodes,
    OneOfKeys,
    RowTest,
)
from stats.central.terms import NumberColumn

PARTS = 64
"""A quantile comes from the counts of so many parts of equal width between the bounds."""


@dataclass(frozen=True)
class EngineTable:
    """Where the rows are. `expressions`: the SQL of each column, if it is not the column of that name itself."""

    name: str
    expressions: Mapping[str, str]

    def column(self, name: str) -> str:
        """Return the SQL of a column, a whole number or a text."""
        return self.expressions.get(name) or f'"{name}"'


@dataclass(frozen=True)
class CentredSum:
    """The sum of a column, of whose every number `centre` is taken first; in steps."""

    column: str
    centre: int


def grouped_sums(question: DataQuestion, sums: tuple[CentredSum, ...], table: EngineTable) -> str:
    """Return the statement for each group's number of rows, and its sums."""
    columns = [table.column(name) for name in question.groups]
    measured = [f"CAST(sum({table.column(each.column)} - ({each.centre})) AS BIGINT)" for each in sums]
    return _statement([*columns, "count(*)", *measured], columns, question, table)


def grouped_parts(question: DataQuestion, column: NumberColumn, table: EngineTable) -> str:
    """Return the statement for the number of rows in each part of a column, group by group."""
    span = column.high - column.low + 1
    part = f"CAST(floor(({table.column(column.name)} - ({column.low})) * {parts_of(column)} / {span}) AS BIGINT)"
    columns = [*(table.column(name) for name in question.groups), part]
    return _statement([*columns, "count(*)"], columns, question, table)


def parts_of(column: NumberColumn) -> int:
    """Return into how many parts a column is cut: none of them is empty."""
    return min(PARTS, column.high - column.low + 1)


def _statement(selected: list[str], grouped: list[str], question: DataQuestion, table: EngineTable) -> str:
    where = "" if question.where is None else f" WHERE {_test(question.where, table)}"
    group = f" GROUP BY {', '.join(grouped)}" if grouped else ""
    return f'SELECT {", ".join(selected)} FROM "{table.name}"{where}{group}'  # noqa: S608 (see the first lines)


def _test(test: RowTest, table: EngineTable) -> str:
    match test:
        case NumberRange(column=column, low=low, high=high):
            bounds = [f"{table.column(column)} >= {low}"] if low is not None else []
            bounds += [f"{table.column(column)} <= {high}"] if high is not None else []
            return f"({' AND '.join(bounds)})" if bounds else "(1 = 1)"
        case OneOfCodes(column=column, codes=codes):
            return f"({table.column(column)} IN ({', '.join(map(str, codes))}))"
        case OneOfKeys(column=column, keys=keys):
            return f"({table.column(column)} IN ({', '.join(map(_quoted, keys))}))"
        case Conjunction(parts=parts):
            return f"({' AND '.join(_test(part, table) for part in parts)})"
        case Disjunction(parts=parts):
            return f"({' OR '.join(_test(part, table) for part in parts)})"
        case Negation(part=part):
            return f"(NOT {_test(part, table)})"


def _quoted(text: str) -> str:
    # A quote within a text is written twice: that is all there is to escape in standard SQL.
    return "'" + text.replace("'", "''") + "'"

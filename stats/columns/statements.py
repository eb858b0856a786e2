"""SQL that both engines understand. All names in it are those of tables and questions, which are checked here."""

# ruff: noqa: S608 (that is what this module is for)

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loopixmix.errors import StoreError
from stats.columns.seams import MOST_GROUPS, CellFilter, Column, SheetTable

OWN_COLUMNS = ("period", "batch")
"""Those that every table has: no question is called so."""
_TABLE = re.compile(r"[a-z]{1,8}_[0-9a-f]{16}_[0-9]{1,2}")
_QUESTION = re.compile(r"[a-z][a-z0-9_]{0,31}")


def table_faults(table: SheetTable) -> Iterator[str]:
    """Yield what is wrong with the name or the questions of a table."""
    if not _TABLE.fullmatch(table.name):
        yield f"{table.name!r} is no name of a table"
    if not table.questions or len(set(table.questions)) != len(table.questions):
        yield f"the questions of {table.name} are not all different"
    for question in table.questions:
        if not _QUESTION.fullmatch(question) or question in OWN_COLUMNS:
            yield f"{question!r} is no name of a question"


def rows_of(table: SheetTable, columns: Sequence[Column]) -> int:
    """Return the rows of a batch; raise `StoreError` if its columns are not those of the table, all of one length."""
    lengths = {len(column) for column in columns}
    if len(columns) != len(table.questions) or len(lengths) != 1:
        raise StoreError(f"a batch of {table.name} has {len(table.questions)} columns of one length")
    return lengths.pop()


def column_names(table: SheetTable, questions: Sequence[str], *, by_period: bool) -> list[str]:
    """Return the columns by which rows are grouped; raise `StoreError` if the table has no such question."""
    for question in questions:
        if question not in table.questions:
            raise StoreError(f"{table.name} has no question {question!r}")
    return [*(("period",) if by_period else ()), *questions]


def group_sql(table: SheetTable, keys: Sequence[str], where: CellFilter) -> str:
    """Return the query that counts the rows with each combination of `keys`."""
    names = "".join(f"{quoted(key)}, " for key in keys)
    grouped = f" GROUP BY {', '.join(map(quoted, keys))} LIMIT {MOST_GROUPS + 1}" if keys else ""
    return f"SELECT {names}count(*) AS amount FROM {quoted(table.name)}{filter_sql(where)}{grouped}"


def filter_sql(where: CellFilter) -> str:
    """Return the condition for `where`; empty if all rows count."""
    conditions = [
        f"{name} >= {int(first)} AND {name} < {int(last)}"
        for name, bounds in (("period", where.periods), ("batch", where.batches))
        if bounds is not None
        for first, last in [bounds]
    ]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    # Names are checked before; the quotes are for those that are words of SQL, such as "order".
    return f'"{name}"'

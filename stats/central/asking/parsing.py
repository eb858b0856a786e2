"""Questions in SQL: a small part of SELECT, and nothing else.

    SELECT town, count(*), avg(age), quantile(age, 0.9) FROM people WHERE age >= 18 AND sex IN ('f', 'm') GROUP BY town

sqlglot reads the text. What it found becomes a `DataQuestion`, and the engine gets only what is written anew from that:
no word of the text reaches it. Whatever is not named here is refused.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from stats.central.asking.conditions import row_test
from stats.central.asking.questions import (
    DataQuestion,
    DataQuestionError,
    NumberMean,
    NumberQuantile,
    NumberSum,
    RowCount,
    RowMeasure,
)
from stats.central.asking.syntax import ALLOWED, check_parts, column_name, number_of
from stats.central.terms import DataSetTerms, KeyColumn, NumberColumn

MOST_CHARACTERS = 2_000
MOST_BRACKETS = 60
"""sqlglot calls itself for each of them."""
MOST_MEASURES, MOST_GROUP_COLUMNS = 16, 4


def parse_question(sql: str, name: str, terms: DataSetTerms) -> DataQuestion:
    """Return the question `sql` to the data set `name`; raise `DataQuestionError`, which tells nothing of its rows."""
    select = _only_select(sql)
    _check_table(select, name)
    grouped = _group_columns(select, terms)
    names, measures = [*grouped], []
    for item in select.expressions:
        alias = item.alias if isinstance(item, exp.Alias) else ""
        inner = item.this if isinstance(item, exp.Alias) else item
        if isinstance(inner, exp.Column):
            if column_name(inner) not in grouped or alias:
                raise DataQuestionError("a column is selected as it is only if it is in GROUP BY")
            continue
        measures.append(_measure(inner, terms))
        names.append(alias.lower() or inner.sql(dialect="duckdb").lower())
    if not 1 <= len(measures) <= MOST_MEASURES:
        raise DataQuestionError(f"a question measures 1 to {MOST_MEASURES} things")
    if len(set(names)) != len(names) or any(len(each) > 200 for each in names):
        raise DataQuestionError("each column of the answer has a name of its own")
    where = select.args.get("where")
    test = None if where is None else row_test(where.this, terms)
    return DataQuestion(tuple(measures), tuple(names), tuple(grouped), test)


def _only_select(sql: str) -> exp.Select:
    if len(sql) > MOST_CHARACTERS or sql.count("(") > MOST_BRACKETS:
        raise DataQuestionError(f"a question has at most {MOST_CHARACTERS} characters and {MOST_BRACKETS} brackets")
    if not sql.isprintable():
        raise DataQuestionError("a question is one line of printable characters")
    try:
        if any(token.comments for token in sqlglot.tokenize(sql, read="duckdb")):
            raise DataQuestionError("a question has no comments")
        statements = sqlglot.parse(sql, read="duckdb")
    except (SqlglotError, RecursionError):
        # The parser's own words would quote the text, with marks for terminals.
        raise DataQuestionError(f"this cannot be read; {ALLOWED}") from None
    if len(statements) != 1 or type(statements[0]) is not exp.Select:
        raise DataQuestionError(f"this is no single SELECT; {ALLOWED}")
    select = statements[0]
    check_parts(select, "expressions", "from_", "where", "group")
    return select


def _check_table(select: exp.Select, name: str) -> None:
    source = select.args.get("from_")
    table = source.this if isinstance(source, exp.From) else None
    if source is None or type(table) is not exp.Table or type(table.this) is not exp.Identifier or table.name != name:
        raise DataQuestionError(f"a question is FROM {name}")
    check_parts(source, "this")
    check_parts(table, "this")


def _group_columns(select: exp.Select, terms: DataSetTerms) -> list[str]:
    group = select.args.get("group")
    if group is None:
        return []
    check_parts(group, "expressions")
    names = [column_name(each) for each in group.expressions]
    if len(set(names)) != len(names) or len(names) > MOST_GROUP_COLUMNS:
        raise DataQuestionError(f"GROUP BY has at most {MOST_GROUP_COLUMNS} columns, each once")
    for name in names:
        column = terms.column(name)
        if column is None or isinstance(column, NumberColumn):
            raise DataQuestionError("GROUP BY has columns with declared values, or with keys")
    if sum(isinstance(terms.column(name), KeyColumn) for name in names) > 1:
        raise DataQuestionError("GROUP BY has at most one column of keys")
    return names


def _measure(node: exp.Expr, terms: DataSetTerms) -> RowMeasure:
    if type(node) is exp.Count and type(node.this) is exp.Star:
        check_parts(node, "this", "big_int")
        check_parts(node.this)
        return RowCount()
    if type(node) in (exp.Sum, exp.Avg, exp.Median):
        check_parts(node, "this")
        column = _number_column(node.this, terms)
        if isinstance(node, exp.Median):
            return NumberQuantile(column, 0.5)
        return NumberSum(column) if isinstance(node, exp.Sum) else NumberMean(column)
    if type(node) in (exp.Quantile, exp.PercentileCont):
        place = "quantile" if isinstance(node, exp.Quantile) else "expression"
        check_parts(node, "this", place)
        return NumberQuantile(_number_column(node.this, terms), _level(node.args.get(place)))
    raise DataQuestionError(f"this is not measured; {ALLOWED}")


def _level(node: object) -> float:
    level = float(number_of(node))
    if not 0 < level < 1:
        raise DataQuestionError("the level of a quantile is a number over 0 and below 1")
    return level


def _number_column(node: object, terms: DataSetTerms) -> str:
    name = column_name(node)
    if not isinstance(terms.column(name), NumberColumn):
        raise DataQuestionError("sum, avg, median and quantile are of one declared number")
    return name

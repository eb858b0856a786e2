"""The WHERE of a question: comparisons of declared columns with numbers and texts, joined by AND, OR and NOT."""

from __future__ import annotations

import math
from fractions import Fraction

from sqlglot import exp

from stats.central.asking.questions import (
    Conjunction,
    DataQuestionError,
    Disjunction,
    Negation,
    NumberRange,
    OneOfCodes,
    OneOfKeys,
    RowTest,
)
from stats.central.asking.syntax import check_parts, column_name, number_of, text_of
from stats.central.terms import CategoryColumn, DataSetTerms, KeyColumn, NumberColumn

MOST_LISTED = 100
_TURNED = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE, exp.EQ: exp.EQ, exp.NEQ: exp.NEQ}
"""The comparison with its sides changed."""


def row_test(node: object, terms: DataSetTerms) -> RowTest:
    """Return the test that the text says; raise `DataQuestionError` if it is not one that is allowed."""
    if type(node) is exp.Paren:
        check_parts(node, "this")
        return row_test(node.this, terms)
    if type(node) is exp.Not:
        check_parts(node, "this")
        return Negation(row_test(node.this, terms))
    if isinstance(node, exp.And | exp.Or) and type(node) in (exp.And, exp.Or):
        check_parts(node, "this", "expression")
        parts = (row_test(node.this, terms), row_test(node.expression, terms))
        return Conjunction(parts) if isinstance(node, exp.And) else Disjunction(parts)
    if type(node) is exp.In:
        check_parts(node, "this", "expressions")
        return _listed(node, terms)
    if type(node) is exp.Between:
        check_parts(node, "this", "low", "high")
        column = _number(column_name(node.this), terms)
        low, high = number_of(node.args.get("low")), number_of(node.args.get("high"))
        return _range(column, at_least(column, low), at_most(column, high))
    if isinstance(node, exp.Binary) and type(node) in _TURNED:
        check_parts(node, "this", "expression")
        return _compared(node, terms)
    raise DataQuestionError("WHERE compares declared columns with numbers or texts, by = <> < <= > >= BETWEEN IN")


def at_least(column: NumberColumn, number: Fraction) -> int:
    """Return the fewest steps that are not below a number."""
    return math.ceil(number / column.width)


def at_most(column: NumberColumn, number: Fraction) -> int:
    """Return the most steps that are not over a number."""
    return math.floor(number / column.width)


def _compared(node: exp.Binary, terms: DataSetTerms) -> RowTest:
    kind, left, right = type(node), node.this, node.expression
    if type(left) is not exp.Column:
        kind, left, right = _TURNED[kind], right, left
    name = column_name(left)
    column = terms.column(name)
    if isinstance(column, NumberColumn):
        return _compared_number(kind, column, number_of(right))
    if kind not in (exp.EQ, exp.NEQ):
        raise DataQuestionError("categories and keys are compared by = and <> and IN")
    test = _among(name, (text_of(right),), terms)
    return test if kind is exp.EQ else Negation(test)


def _compared_number(kind: type[exp.Expr], column: NumberColumn, number: Fraction) -> RowTest:
    if kind is exp.LT:
        return _range(column, None, at_least(column, number) - 1)
    if kind is exp.LTE:
        return _range(column, None, at_most(column, number))
    if kind is exp.GT:
        return _range(column, at_most(column, number) + 1, None)
    if kind is exp.GTE:
        return _range(column, at_least(column, number), None)
    equal = _range(column, at_least(column, number), at_most(column, number))
    return equal if kind is exp.EQ else Negation(equal)


def _listed(node: exp.In, terms: DataSetTerms) -> RowTest:
    name, items = column_name(node.this), node.expressions
    if not 1 <= len(items) <= MOST_LISTED:
        raise DataQuestionError(f"IN lists 1 to {MOST_LISTED} values")
    column = terms.column(name)
    if isinstance(column, NumberColumn):
        return Disjunction(tuple(_compared_number(exp.EQ, column, number_of(item)) for item in items))
    return _among(name, tuple(text_of(item) for item in items), terms)


def _among(name: str, texts: tuple[str, ...], terms: DataSetTerms) -> RowTest:
    column = terms.column(name)
    if isinstance(column, KeyColumn):
        return OneOfKeys(name, texts)
    if isinstance(column, CategoryColumn):
        unknown = [text for text in texts if text not in column.labels]
        if unknown:
            raise DataQuestionError(f"{name} has no declared value of this name; see the list of columns")
        return OneOfCodes(name, tuple(column.labels.index(text) for text in texts))
    raise DataQuestionError("the data set has no column of this name")


def _number(name: str, terms: DataSetTerms) -> NumberColumn:
    column = terms.column(name)
    if not isinstance(column, NumberColumn):
        raise DataQuestionError("BETWEEN is of a declared number")
    return column


def _range(column: NumberColumn, low: int | None, high: int | None) -> NumberRange:
    return NumberRange(column.name, low, high)

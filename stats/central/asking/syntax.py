"""Parts of a question's text, each held against what is allowed."""

from __future__ import annotations

import re
from fractions import Fraction

from sqlglot import exp

from stats.central.asking.questions import DataQuestionError

ALLOWED = (
    "a question is SELECT, with count(*), sum, avg, median and quantile(column, level), FROM the data set, "
    "WHERE on declared columns, GROUP BY columns"
)
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)


def check_parts(node: exp.Expr, *allowed: str) -> None:
    """Raise `DataQuestionError` if a part of the text has parts of its own that are not `allowed`."""
    extra = [part for part, value in node.args.items() if value and part not in allowed]
    if extra:
        raise DataQuestionError(f"this is not answered: {extra[0].strip('_')} in {type(node).__name__}; {ALLOWED}")


def column_name(node: object) -> str:
    """Return the name of a plain column; raise `DataQuestionError` for anything else."""
    if type(node) is not exp.Column or type(node.this) is not exp.Identifier:
        raise DataQuestionError(f"this is no column; {ALLOWED}")
    check_parts(node, "this")
    return str(node.name).lower()


def number_of(node: object) -> Fraction:
    """Return a number that is written out, perhaps with a minus; raise `DataQuestionError` for anything else."""
    if type(node) is exp.Neg:
        check_parts(node, "this")
        return -number_of(node.this)
    # Without a bound on its digits, an exponent could ask for more memory than there is.
    if type(node) is not exp.Literal or node.is_string or not _NUMBER.fullmatch(str(node.this)):
        raise DataQuestionError("a number is written out, with at most 12 digits before and 9 after the point")
    return Fraction(str(node.this))


def text_of(node: object) -> str:
    """Return a text in quotes; raise `DataQuestionError` for anything else."""
    if type(node) is not exp.Literal or not node.is_string:
        raise DataQuestionError("a category or key is held against a text in single quotes")
    return str(node.this)

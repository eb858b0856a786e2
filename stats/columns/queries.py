"""SELECTs of people who look: parsed, held against a list of what is allowed, and written out again.

What runs is what was parsed, and not the text that somebody sent. Whatever is not on the list is refused: so a new
function of an engine, which might read files, is refused until somebody has looked at it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from loopixmix.errors import StoreError

MOST_CHARACTERS = 10_000
MOST_NODES = 5_000
MOST_COLUMNS = 256
_ALLOWED: tuple[type[exp.Expression], ...] = (
    *(exp.Select, exp.SetOperation, exp.Subquery, exp.With, exp.CTE, exp.TableAlias, exp.From, exp.Join, exp.Table),
    *(exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct),
    *(exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.And, exp.Or, exp.Not, exp.Is, exp.In),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Case, exp.If, exp.Exists, exp.Filter),
    *(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot, exp.BitwiseLeftShift, exp.BitwiseRightShift),
    *(exp.Cast, exp.TryCast, exp.DataType, exp.Window, exp.WindowSpec, exp.WithinGroup, exp.Var, exp.Rollup, exp.Cube),
    *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.Quantile, exp.PercentileCont),
    *(exp.PercentileDisc, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Ln, exp.Log, exp.Exp, exp.Sqrt, exp.Pow, exp.Greatest, exp.Least),
    *(exp.Coalesce, exp.Nullif, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead),
)
# It would log what people send.
logging.getLogger("sqlglot").disabled = True
_PARTS = (
    *("with_", "kind", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify", "order"),
    *("limit", "offset", "this", "expression", "alias", "on", "using", "side", "method", "windows", "by_name"),
)
"""The parts of a SELECT, and of what holds one or joins two. Others are settings, formats, hints, samples, locks."""
_NUMBERS = exp.DataType.NUMERIC_TYPES


@dataclass(frozen=True)
class QuerySafety:
    """What a query may do. `dialect`: sqlglot's name of the engine's SQL. `tables`: all that may be read."""

    dialect: str
    tables: frozenset[str]
    most_rows: int


def check_select(sql: str, safety: QuerySafety) -> str:
    """Return `sql` as it may run, for at most so many rows; raise `StoreError` if it is not one such SELECT."""
    if len(sql) > MOST_CHARACTERS:
        raise StoreError(f"a query has at most {MOST_CHARACTERS} characters, not {len(sql)}")
    try:
        statements = sqlglot.parse(sql, dialect=safety.dialect)
        if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation):
            raise StoreError("a query is one SELECT")
        query = statements[0]
        _check_nodes(query, safety)
        limited = query.limit(_row_limit(query, safety.most_rows), copy=False)
        return limited.sql(dialect=safety.dialect, comments=False)
    except SqlglotError as error:
        raise StoreError(f"the query cannot be read: {_first_line(error)}") from error
    except RecursionError as error:
        raise StoreError("the query is nested too deeply") from error


def _check_nodes(query: exp.Expression, safety: QuerySafety) -> None:
    named = _named_parts(query, safety)
    for count, node in enumerate(query.walk()):
        if count >= MOST_NODES:
            raise StoreError(f"a query has at most {MOST_NODES} parts")
        if not isinstance(node, _ALLOWED):
            raise StoreError(f"a query has no {type(node).key}: {node.sql(dialect=safety.dialect)[:60]}")
        if isinstance(node, exp.Table):
            _check_table(node, safety.tables | _known_at(node, named))
        elif isinstance(node, exp.In):
            _check_in(node)
        elif isinstance(node, exp.DataType) and node.this not in _NUMBERS:
            raise StoreError(f"a query makes numbers only, and not {node.sql(dialect=safety.dialect)[:60]}")
        elif isinstance(node, exp.With) and node.args.get("recursive"):
            raise StoreError("a query has no WITH RECURSIVE")
        elif isinstance(node, exp.Select | exp.SetOperation | exp.Subquery | exp.Join):
            _check_parts(node)


def _named_parts(query: exp.Expression, safety: QuerySafety) -> list[str]:
    """Return the names that WITH gives, in their order; raise `StoreError` if one could stand for a table elsewhere."""
    # Only at the beginning: the name of an inner WITH would be allowed outside of it too, where it is a real table.
    first = query.args.get("with_")
    if any(clause is not first for clause in query.find_all(exp.With)):
        raise StoreError("WITH stands at the beginning of a query, and nowhere else")
    parts = [] if first is None else first.expressions
    if any(not isinstance(part.this, exp.Select | exp.SetOperation) or part.args.get("scalar") for part in parts):
        raise StoreError("WITH gives names to SELECTs only")
    named = [part.alias for part in parts]
    if safety.tables & set(named) or len({name.lower() for name in named}) < len(named):
        raise StoreError("a WITH clause has the name of a table, or a name twice")
    return named


def _known_at(table: exp.Table, named: list[str]) -> set[str]:
    """Return which of these names are known where `table` stands: within WITH, only those of the SELECTs before."""
    # In its own SELECT, a name is not known yet, and the engine would find the table that is really called so.
    within = table.find_ancestor(exp.CTE)
    return set(named if within is None else named[: named.index(within.alias)])


def _check_in(node: exp.In) -> None:
    # ClickHouse takes a bare name behind IN for that of a table, also in brackets.
    listed = [item.unnest() for item in node.expressions]
    if node.args.get("field") or any(isinstance(item, exp.Column) for item in listed):
        raise StoreError("IN is followed by values or a SELECT in brackets")


def _check_parts(node: exp.Expression) -> None:
    others = set(_present(node)) - set(_PARTS)
    if others:
        raise StoreError(f"a query has no {sorted(others)[0].upper()}")
    if isinstance(node, exp.Select) and not 1 <= len(node.expressions) <= MOST_COLUMNS:
        raise StoreError(f"a query has 1 to {MOST_COLUMNS} columns, not {len(node.expressions)}")


def _check_table(table: exp.Table, allowed: frozenset[str] | set[str]) -> None:
    # A table function, a file and a table of another schema all come as a table of another form.
    plain = isinstance(table.this, exp.Identifier) and set(_present(table)) <= {"this", "alias", "joins"}
    if not plain or table.name not in allowed:
        raise StoreError(f"there is no table {table.name[:60]!r}; there are {', '.join(sorted(allowed)) or 'none'}")


def _present(node: exp.Expression) -> list[str]:
    return [name for name, value in node.args.items() if value]


def _row_limit(query: exp.Query, most_rows: int) -> int:
    limit = query.args.get("limit")
    if limit is None:
        return most_rows
    asked = limit.args.get("expression")
    is_number = isinstance(asked, exp.Literal) and asked.this.isdecimal()
    if not isinstance(limit, exp.Limit) or not is_number or limit.expressions:
        raise StoreError("LIMIT is followed by a number, and by nothing else")
    return min(int(asked.this), most_rows)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

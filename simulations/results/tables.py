"""Results as tidy tables in an order that never changes, in CSV and Parquet."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import MEASURES, unit_of
from simulations.measures.replicates import QUANTILES, estimate
from simulations.outcome import PROBABILITIES, Outcome
from simulations.sweep.points import Point, shown
from simulations.sweep.tasks import THEORY, Record

if TYPE_CHECKING:
    import pandas as pd

_ORDER = {name: place for place, name in enumerate(MEASURES)}
_NAN = float("nan")


def in_order(measures: Iterable[str]) -> list[str]:
    """Return the measures in the order of the catalogue, attacks after them by name, each once."""
    return sorted(set(measures), key=lambda name: (_ORDER.get(name, len(_ORDER)), name))


def replicates_table(points: Sequence[Point], records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each point, replicate and measure.

    Columns: point, swept keys, engine, replicate, measure, unit, value.
    """
    columns = _columns(points, ("engine", "replicate", "measure", "unit", "value"))
    for record in records:
        outcome = record.outcome
        for measure in in_order(outcome.figures):
            cells = (outcome.engine, record.replicate, measure, unit_of(measure), outcome.figures[measure])
            _add(columns, points[record.point], cells)
    return _frame(columns)


def summary_table(points: Sequence[Point], records: Sequence[Record], theory: Mapping[int, Outcome]) -> pd.DataFrame:
    """Return one row for each point and measure: what the replicates together say, and what theory says.

    Columns: point, swept keys, engine, measure, unit, count, mean, sd, low, high (95 % interval of the mean), q05, q50,
    q95 (over replicates), exact (the closed form) and difference (mean less exact); NaN if there is none.
    """
    quantiles = [f"q{round(100 * probability):02}" for probability in QUANTILES]
    named = ("engine", "measure", "unit", "count", "mean", "sd", "low", "high", *quantiles, "exact", "difference")
    columns = _columns(points, named)
    for point, figures, engine in figures_of(points, records):
        exact = theory[point.number].figures if point.number in theory else {}
        for measure in in_order([*figures, *exact]):
            found = estimate(figures.get(measure, ()))
            expected = exact.get(measure, _NAN)
            spread = (_or_nan(found.sd), _or_nan(found.low), _or_nan(found.high))
            cells = (engine, measure, unit_of(measure), found.count, found.mean, *spread, *found.quantiles)
            _add(columns, point, (*cells, expected, found.mean - expected))
    return _frame(columns)


def distributions_table(
    points: Sequence[Point], records: Sequence[Record], theory: Mapping[int, Outcome]
) -> pd.DataFrame:
    """Return one row for each quantile of each distribution; those of theory have the engine `exact`.

    Columns: point, swept keys, engine, replicate, measure, unit, count (of samples; 0 if exact), mean, sd,
    probability, quantile.
    """
    named = ("engine", "replicate", "measure", "unit", "count", "mean", "sd", "probability", "quantile")
    columns = _columns(points, named)
    exact = [Record(point=point, replicate=0, outcome=outcome) for point, outcome in sorted(theory.items())]
    for record in [*records, *(record for record in exact if record.outcome.engine == THEORY)]:
        for measure in in_order(record.outcome.distributions):
            found = record.outcome.distributions[measure]
            cells = (record.outcome.engine, record.replicate, measure, unit_of(measure))
            whole = (found.count, found.mean, found.sd)
            for probability, quantile in zip(PROBABILITIES, found.quantiles, strict=True):
                _add(columns, points[record.point], (*cells, *whole, probability, quantile))
    return _frame(columns)


def figures_of(
    points: Sequence[Point], records: Sequence[Record]
) -> Iterator[tuple[Point, dict[str, list[float]], str]]:
    """Yield each point with its figures, by measure and in the order of replicates, and the engine's name."""
    by_point: dict[int, list[Outcome]] = {}
    for record in records:
        by_point.setdefault(record.point, []).append(record.outcome)
    for point in points:
        figures: dict[str, list[float]] = {}
        outcomes = by_point.get(point.number, [])
        for outcome in outcomes:
            for measure, value in outcome.figures.items():
                figures.setdefault(measure, []).append(value)
        yield point, figures, outcomes[0].engine if outcomes else ""


def as_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV: figures in the shortest form that reads back as the same number, NaN for no number."""
    # An empty cell would do for pandas. Polars and DuckDB take a column of empty cells, or that begins with some, for
    # text; in this spelling, and no other, all three take them for numbers.
    text: str = table.to_csv(index=False, lineterminator="\n", na_rep="NaN")
    return text.encode("utf-8")


def as_parquet(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet; the same table gives the same bytes."""
    buffer = io.BytesIO()
    # The engine is named, because the other one that pandas knows writes other bytes.
    table.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def checked(outcome: Outcome) -> Outcome:
    """Return the outcome, its figures plain floats; raise `MisuseError` if the catalogue does not know a measure."""
    for measure in (*outcome.figures, *outcome.distributions):
        try:
            unit_of(measure)
        except MisuseError as error:
            raise MisuseError(
                f"the engine {outcome.engine} measures something that is not in the catalogue: {error}"
            ) from error
    # numpy's floats are floats, but a column that mixes both is none of numbers.
    return msgspec.structs.replace(outcome, figures={name: float(value) for name, value in outcome.figures.items()})


def _columns(points: Sequence[Point], named: Sequence[str]) -> dict[str, list[object]]:
    swept = list(points[0].values) if points else []
    return {column: [] for column in ("point", *swept, *named)}


def _add(columns: dict[str, list[object]], point: Point, cells: Sequence[object]) -> None:
    row = (point.number, *map(_cell, point.values.values()), *cells)
    for column, cell in zip(columns.values(), row, strict=True):
        column.append(cell)


def _cell(value: object) -> object:
    return value if isinstance(value, bool | int | float | str) else shown(value)


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else value


def _frame(columns: Mapping[str, list[object]]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(dict(columns))
    for name in table.columns:
        kinds = {type(cell) for cell in columns[name]}
        # A column of two types has none in Parquet: it is written as text.
        if len(kinds) > 1 and not kinds <= {int, float}:
            table[name] = [shown(cell) for cell in columns[name]]
    return table

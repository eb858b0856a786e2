"""Results as a reader sees them: a table on a terminal or in a notebook, an object for programs."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import Measure, unit_of
from simulations.measures.replicates import Estimate, estimate
from simulations.results.findings import Findings
from simulations.results.tables import figures_of, in_order
from simulations.sweep.points import Point, shown

HEADLINES = (
    Measure.LATENCY_MEAN_S,
    Measure.LATENCY_P95_S,
    Measure.DELIVERY_P95_S,
    Measure.ENTROPY_BITS,
    Measure.ENTROPY_P05_BITS,
    Measure.ANONYMITY_SET,
    Measure.EPSILON,
    Measure.POOL_MEAN,
    Measure.THROUGHPUT_PER_S,
    Measure.DROPPED_SHARE,
    Measure.COST_USER_MONTH,
)
"""The measures that are shown of a sweep by default, and all figures of attacks."""

OUTSIDE = "* theory is outside of the 95 % interval (so it is once in twenty if both are right)"
_MOST_DECIMALS = 6
_MORE_DIGITS = 2
# Sums of floating-point numbers have a relative error of this size: a smaller interval is none.
_NOISE = 1e-12


@dataclass(frozen=True)
class ResultRow:
    """One measure at one point. `exact`: what theory says of it, if it does."""

    point: Point
    measure: str
    unit: str
    found: Estimate
    exact: float | None

    @property
    def width(self) -> float | None:
        """Half of the interval's width; 0 if only rounding tells replicates apart."""
        half = self.found.half_width
        return 0.0 if half is not None and half <= _NOISE * abs(self.found.mean) else half

    @property
    def value(self) -> str:
        """The mean with its interval, to the digits that mean something."""
        return with_interval(self.found.mean, self.width)

    @property
    def theory(self) -> str:
        """The value of theory, to a digit more than the interval has."""
        return "" if self.exact is None else _rounded(self.exact, self.width)

    @property
    def difference(self) -> str:
        """The mean less theory, marked if the interval does not hold theory."""
        if self.exact is None or math.isnan(self.found.mean):
            return ""
        less = self.found.mean - self.exact
        # Two ways to compute the same sum differ in the last digit, which is no difference worth a mark.
        if abs(less) <= _NOISE * abs(self.exact):
            return "0  "
        outside = self.width is not None and not self.found.holds(self.exact)
        return f"{'-' if less < 0 else '+'}{_rounded(abs(less), self.width)}{' *' if outside else '  '}"


def rows_of(result: Findings, measures: Sequence[str] = ()) -> list[ResultRow]:
    """Return all rows, by measure and then point; `measures` are those wanted, all if there are none."""
    rows = []
    for point, figures, _ in figures_of(result.points, result.records):
        theory = result.theory[point.number].figures if point.number in result.theory else {}
        for measure in [name for name in (measures or in_order([*figures, *theory])) if name in {*figures, *theory}]:
            found = estimate(figures.get(measure, ()))
            rows.append(ResultRow(point, measure, unit_of(measure), found, theory.get(measure)))
    places = {name: place for place, name in enumerate(measures or in_order(row.measure for row in rows))}
    return sorted(rows, key=lambda row: (places[row.measure], row.point.number))


def table_of(result: Findings, measures: Sequence[str] = ()) -> Table:
    """Return the table for a terminal: a row for each measure, and below it for each point of a sweep."""
    rows = rows_of(result, measures or headlines(result))
    keys = list(result.points[0].values) if result.points else []
    title = f"{result.scenario.name}, engine {result.engine}"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Measure", no_wrap=True)
    for key in keys:
        table.add_column(key, justify="right")
    table.add_column("Value" if result.manifest.replicates == 1 else "Mean ± 95 %", justify="right", no_wrap=True)
    table.add_column("Unit", no_wrap=True)
    with_theory = any(row.exact is not None for row in rows)
    if with_theory:
        table.add_column("Theory", justify="right", no_wrap=True)
        table.add_column("Difference", justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        first = number == 0 or rows[number - 1].measure != row.measure
        swept = (shown(value) for value in row.point.values.values())
        theory = (row.theory, row.difference) if with_theory else ()
        last = number + 1 == len(rows) or rows[number + 1].measure != row.measure
        table.add_row(
            row.measure if first else "", *swept, row.value, row.unit, *theory, end_section=bool(keys) and last
        )
    return table


def headlines(result: Findings) -> tuple[str, ...]:
    """Return what to show if nothing else was asked for: everything of one point, the most asked for of a sweep."""
    if len(result.points) < 2:
        return ()
    return tuple(name for name in result.measures if name in HEADLINES or name.startswith("attack."))


def check_measures(result: Findings, wanted: Sequence[str]) -> None:
    """Raise `MisuseError` if a wanted measure was not measured."""
    known = {row.measure for row in rows_of(result)}
    for name in wanted:
        if name not in known:
            raise MisuseError(f'"{name}" was not measured (there is: {", ".join(in_order(known))})')


def below(result: Findings, measures: Sequence[str] = ()) -> Iterator[str]:
    """Yield what stands below the table: marks, what the table leaves out, and the notes."""
    rows = rows_of(result, measures or headlines(result))
    if any(row.difference.endswith("*") for row in rows):
        yield OUTSIDE
    left_out = len({row.measure for row in rows_of(result)} - {row.measure for row in rows})
    if left_out and not measures:
        yield f"{left_out} more measures are in summary.csv; --measure all shows them"
    for note in result.manifest.notes:
        place = f" (at {note.points} of {len(result.points)} points)" if note.points < len(result.points) else ""
        yield f"Note{place}: {note.text}"


def as_object(result: Findings) -> dict[str, object]:
    """Return the result as an object for programs; what is not a number is null."""
    rows = rows_of(result)
    points = [
        {
            "values": dict(point.values),
            "measures": {row.measure: _figures(row) for row in rows if row.point.number == point.number},
        }
        for point in result.points
    ]
    return {
        "scenario": result.scenario.name,
        "engine": result.engine,
        "replicates": result.manifest.replicates,
        "points": points,
        "notes": list(result.notes),
        "code": result.manifest.code.text,
    }


def as_html(result: Findings) -> str:
    """Return the table and the notes as HTML, for notebooks."""
    table = table_of(result)
    heads = "".join(f"<th>{html.escape(str(column.header))}</th>" for column in table.columns)
    cells = [[html.escape(str(cell)) for cell in column.cells] for column in table.columns]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in zip(*cells, strict=True))
    notes = "".join(f"<p>{html.escape(line)}</p>" for line in below(result))
    return f"<p><b>{html.escape(str(table.title))}</b></p><table><tr>{heads}</tr>{body}</table>{notes}"


def with_interval(mean: float, half_width: float | None) -> str:
    """Return a mean and half of its interval to two digits of the latter: `12.345 ± 0.067`."""
    if math.isnan(mean):
        return "-"
    if half_width is None or half_width == 0:
        return _significant(mean)
    decimals = _decimals(half_width)
    if decimals > _MOST_DECIMALS:
        return f"{mean:.3e} ± {half_width:.1e}"
    return f"{mean:,.{decimals}f} ± {half_width:,.{decimals}f}"


def _rounded(value: float, half_width: float | None) -> str:
    if not half_width:
        return _significant(value)
    decimals = _decimals(half_width)
    return f"{value:.3e}" if decimals > _MOST_DECIMALS else f"{value:,.{decimals}f}"


def _decimals(half_width: float) -> int:
    # Two digits of the interval, and as many decimals of the mean: the rest is noise.
    return max(0, _MORE_DIGITS - 1 - math.floor(math.log10(half_width)))


def _significant(value: float) -> str:
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.4e}"
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.5g}"


def _figures(row: ResultRow) -> dict[str, object]:
    found = row.found
    return {
        "unit": row.unit,
        "count": found.count,
        "mean": None if math.isnan(found.mean) else found.mean,
        "sd": found.sd,
        "low": found.low,
        "high": found.high,
        "exact": row.exact,
    }

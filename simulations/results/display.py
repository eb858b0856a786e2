"""Results as a reader sees them: a table on a terminal or in a notebook, an object for programs."""

from __future__ import annotations

import html
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import Measure, unit_of
from simulations.measures.replicates import Estimate, estimate
from simulations.results.findings import Findings
from simulations.results.manifest import Note
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

OUTSIDE = (
    "* theory is outside of the 95 % interval. If both are right, one figure in twenty is so by chance: one star in a "
    "table says nothing"
)
MOST_ROWS = 200
"""The longest table; a longer one is shown in brief."""
_MOST_VALUES = 4
_NARROW = 8
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
    def shown(self) -> float:
        """The mean, or theory where nothing was measured; not a number if there is neither."""
        return self.exact if math.isnan(self.found.mean) and self.exact is not None else self.found.mean

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
        if self._is_theory:
            return "0  "
        return f"{'-' if less < 0 else '+'}{_rounded(abs(less), self.width)}{' *' if self.is_outside else '  '}"

    @property
    def is_outside(self) -> bool:
        """Whether there is an interval that does not hold theory."""
        if self.exact is None or math.isnan(self.found.mean) or self._is_theory:
            return False
        return self.width is not None and not self.found.holds(self.exact)

    @property
    def _is_theory(self) -> bool:
        # Two ways to compute the same sum differ in the last digit, which is no difference worth a mark.
        return self.exact is not None and abs(self.found.mean - self.exact) <= _NOISE * abs(self.exact)


@dataclass(frozen=True)
class Selection:
    """What is shown of a result. `left_out`: how many measures are not.

    `brief`: of each measure there are only the rows where it is least and greatest, out of `figures` rows, of which
    `outside` are off theory.
    """

    rows: tuple[ResultRow, ...]
    left_out: int
    brief: bool
    figures: int
    outside: int


def selection_of(result: Findings, measures: Sequence[str] = (), *, brief: bool = True) -> Selection:
    """Return what to show: `measures`, or if there are none all of one point and the headlines of a sweep.

    `brief`: more rows than a reader looks through become two for each measure.
    """
    wanted = measures or headlines(result)
    rows = rows_of(result, wanted)
    names = {row.measure for row in rows}
    brief = brief and len(rows) > MOST_ROWS
    return Selection(
        rows=tuple(_extremes(rows, len(result.points))) if brief else tuple(rows),
        left_out=0 if measures else len(set(_measured(result)) - names),
        brief=brief,
        figures=len(rows),
        outside=sum(row.is_outside for row in rows),
    )


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


def _measured(result: Findings) -> list[str]:
    """Return the measures that have a row, in the order of the catalogue."""
    return in_order([*result.measures, *(name for theory in result.theory.values() for name in theory.figures)])


def _extremes(rows: Sequence[ResultRow], points: int) -> Iterator[ResultRow]:
    """Yield of each measure the rows where it is least and greatest; one row if it is the same at every point."""
    for _, of_one in itertools.groupby(rows, key=lambda row: row.measure):
        all_of_one = list(of_one)
        known = [row for row in all_of_one if not math.isnan(row.shown)]
        if not known:
            yield all_of_one[0]
            continue
        least, greatest = min(known, key=lambda row: row.shown), max(known, key=lambda row: row.shown)
        yield least
        # Where it was not measured everywhere, it is not the same everywhere.
        if greatest.shown > least.shown or len(known) < points:
            yield greatest


def table_of(result: Findings, selection: Selection, *, narrow: bool = False) -> Table:
    """Return the table for a terminal: a row for each measure, and below it for each point of a sweep.

    `narrow`: swept keys, which are longer than their values, are broken into lines.
    """
    rows = selection.rows
    keys = list(result.points[0].values) if result.points else []
    title = f"{result.scenario.name}, engine {result.engine}"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Measure", no_wrap=True)
    if selection.brief:
        table.add_column("", no_wrap=True)
    for key in keys:
        table.add_column(_broken(key) if narrow else key, justify="right")
    table.add_column("Value" if result.manifest.replicates == 1 else "Mean ± 95 %", justify="right", no_wrap=True)
    table.add_column("Unit", no_wrap=True)
    with_theory = any(row.exact is not None for row in rows)
    if with_theory:
        table.add_column("Theory", justify="right", no_wrap=True)
        table.add_column("Differ-\nence" if narrow else "Difference", justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        first = number == 0 or rows[number - 1].measure != row.measure
        last = number + 1 == len(rows) or rows[number + 1].measure != row.measure
        which = ("equal" if first and last else "least" if first else "greatest",) if selection.brief else ()
        # Of what is the same everywhere, no point is worth naming.
        swept = ("" if which == ("equal",) else shown(value) for value in row.point.values.values())
        theory = (row.theory, row.difference) if with_theory else ()
        cells = (row.measure if first else "", *which, *swept, row.value, row.unit, *theory)
        table.add_row(*map(escape, cells), end_section=bool(keys) and last)
    return table


def _broken(key: str) -> str:
    """Return a key in lines of few letters, broken behind dots and underscores."""
    lines = [""]
    for part in re.findall(r"[^._]+[._]?", key):
        if lines[-1] and len(lines[-1]) + len(part) > _NARROW:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def headlines(result: Findings) -> tuple[str, ...]:
    """Return what to show if nothing else was asked for: everything of one point, the most asked for of a sweep."""
    if len(result.points) < 2:
        return ()
    return tuple(name for name in result.measures if name in HEADLINES or name.startswith("attack."))


def check_measures(result: Findings, wanted: Sequence[str]) -> None:
    """Raise `MisuseError` if a wanted measure was not measured."""
    known = _measured(result)
    for name in wanted:
        if name not in known:
            raise MisuseError(f'"{name}" was not measured (there is: {", ".join(known)})')


def below(result: Findings, selection: Selection, *, folder: Path | None = None) -> Iterator[str]:
    """Yield what stands below the table: marks, what the table leaves out, and the notes.

    `folder`: where the result is kept, if it is.
    """
    everything = "summary.csv has" if folder is None else f"{folder / 'summary.csv'} has"
    if selection.brief:
        yield (
            f"Of each measure only the least and the greatest of {len(result.points):,} points are shown. {everything} "
            "all of them; --measure NAME shows one at every point"
        )
        if selection.outside:
            share = f"{selection.outside:,} of {selection.figures:,}"
            yield f"* theory is outside of the 95 % interval in {share} figures (one in twenty, if both are right)"
    elif selection.outside:
        yield OUTSIDE
    if selection.left_out:
        yield f"{selection.left_out} more measures are in summary.csv; --measure all shows them"
    for note in result.manifest.notes:
        yield f"Note{_where(result, note)}: {note.text}"


def _where(result: Findings, note: Note) -> str:
    """Return at which points a note holds, unless at all: the values of each swept key there."""
    if note.points >= len(result.points):
        return ""
    points = [result.points[number] for number in note.numbers if number < len(result.points)]
    there = [point.values for point in points]
    values = {key: list(dict.fromkeys(shown(point[key]) for point in there)) for key in (there[0] if there else ())}
    everywhere = {key: {shown(point.values[key]) for point in result.points} for key in values}
    told = [f"{key} {_few(found)}" for key, found in values.items() if set(found) != everywhere[key]]
    if math.prod(map(len, values.values())) != len(points):
        # Not every combination of these values: only the points themselves say which.
        told = [point.text for point in points[:_MOST_VALUES]] + ["..."] * (len(points) > _MOST_VALUES)
        return f" (at {note.points} of {len(result.points)} points: {'; '.join(told)})"
    which = f": {', '.join(told)}" if told else ""
    return f" (at {note.points} of {len(result.points)} points{which})"


def _few(values: Sequence[str]) -> str:
    return ", ".join(values) if len(values) <= _MOST_VALUES else f"{values[0]} ... {values[-1]}"


def as_object(result: Findings) -> dict[str, object]:
    """Return the result as an object for programs; what is not a number is null."""
    measures: dict[int, dict[str, object]] = {point.number: {} for point in result.points}
    for row in rows_of(result):
        measures[row.point.number][row.measure] = _figures(row)
    points = [{"values": dict(point.values), "measures": measures[point.number]} for point in result.points]
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
    selection = selection_of(result)
    table = table_of(result, selection)
    heads = "".join(f"<th>{html.escape(str(column.header))}</th>" for column in table.columns)
    cells = [[html.escape(str(cell)) for cell in column.cells] for column in table.columns]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in zip(*cells, strict=True))
    notes = "".join(f"<p>{html.escape(line)}</p>" for line in below(result, selection))
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

"""Measurements and comparisons as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from simulations.importing.comparison import ComparisonRow
from simulations.importing.measurement import Measurement
from simulations.measures.catalogue import unit_of
from simulations.measures.replicates import Estimate

INTERVALS = (
    "±: half of the 95 % interval of the mean, measured over parts of the time, simulated over replicates; "
    "diff.: measured less simulated"
)


def measurement_table(measurement: Measurement) -> Table:
    """Return one row for each figure."""
    table = _table(("measure", "unit", "measured"))
    for name in measurement.outcome.figures:
        found = measurement.estimate(name)
        if found is not None:
            table.add_row(name, unit_of(name), text(found))
    return table


def comparison_table(rows: Sequence[ComparisonRow]) -> Table:
    """Return one row for each measure: measured, simulated, theory, difference."""
    table = _table(("measure", "unit", "measured", "simulated", "theory", "diff."))
    for row in rows:
        theory = "" if row.theory is None else f"{row.theory:.4g}"
        difference = f"{row.difference:+.1%}" if row.difference == row.difference else ""
        table.add_row(row.measure, row.unit, text(row.measured), text(row.simulated), theory, difference)
    return table


def print_table(table: Table) -> None:
    """Print a table on stdout."""
    Console().print(table)


def text(found: Estimate) -> str:
    """Return a mean to four digits, with half of its interval."""
    half = found.half_width
    return f"{found.mean:.4g}" if not half else f"{found.mean:.4g} ± {float(f'{half:.1g}'):g}"


def _table(headings: Sequence[str]) -> Table:
    table = Table(caption=INTERVALS, caption_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < 2 else "right", no_wrap=True)
    return table

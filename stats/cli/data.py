"""`loopixmix stats data`: data sets with central noise, for their operator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stats.cli.outside import AS_JSON, DIRECTORY, stats_outside

if TYPE_CHECKING:
    from stats.central.budget import BudgetLeft, DataSpending
    from stats.central.datasets import DataSets, NoisyAnswer
    from stats.central.terms import DataSetTerms

MOST_LISTED = 1_000
OPERATOR = "operator"
NAME = click.argument("name", metavar="NAME")
EXAMPLE = """\
# All of this is public, but for the rows themselves.
title = "Survey of households"
eps = "5"             # no person loses more by all answers together
eps_each = "0.1"      # what a question spends, unless it says otherwise
delta = "0.000001"    # only for groups by keys
delta_each = "0.0000001"
person = "household"  # the column that tells whose row it is; without it each row is a person
rows_each = 3         # so many rows of a person are kept

[[columns]]
kind = "number"       # put into its bounds, and rounded to a multiple of the step
name = "income"
lower = "0"
upper = "10000"
step = "10"

[[columns]]
kind = "category"     # values that everybody may know; all others count as "other"
name = "region"
values = ["north", "south"]

[[columns]]
kind = "key"          # values that nobody knows beforehand: only frequent ones are told
name = "town"
"""


@click.group()
def data() -> None:
    """Keep data sets whose true rows never leave the store; each answer about them has noise, and spends a budget.

    DIR is the directory of the collector. Whoever holds DIR can read the rows: central noise protects from analysts,
    and not from the operator.
    """


@data.command()
def terms() -> None:
    """Print an example of the terms of a data set, for --terms of `import`."""
    click.echo(EXAMPLE, nl=False)


@data.command("import")
@DIRECTORY
@NAME
@click.argument("file", metavar="CSV", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--terms",
    "terms_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Columns, bounds, who a person is, and the budget (TOML; see `terms`).",
)
def import_(directory: Path, name: str, file: Path, terms_file: Path) -> None:
    """Import the rows of a CSV file as the data set NAME.

    Its first line names the columns. Those that are not declared are left out. The terms are for ever: the same rows
    under a second name would have a second budget, and people would lose both.
    """
    from loopixmix.config import load_config
    from stats.central.opening import import_data_set
    from stats.central.terms import DataSetTerms

    declared = load_config(terms_file, DataSetTerms)
    with _data_sets(directory) as found:
        made = import_data_set(directory, found, name, declared, file)
    click.echo(f"{name}: {made.rows:,} rows; {made.clamped:,} numbers were put into their bounds", nl=False)
    click.echo(f", {made.left_out:,} rows of persons with too many were left out" if made.left_out else "")


@data.command("list")
@DIRECTORY
@AS_JSON
def list_(directory: Path, as_json: bool) -> None:
    """List all data sets, their columns, and what is left of their budgets."""
    with _data_sets(directory) as found:
        standings = found.all()
    if as_json:
        listed = [{"name": each.name, **_terms(each.terms), "left": _left(each.left)} for each in standings]
        click.echo(json.dumps(listed))
        return
    for each in standings:
        columns = ", ".join(column.name for column in each.terms.columns)
        click.echo(f"{each.name}: {each.terms.title}; eps {each.left.eps:f} of {each.left.eps_whole:f} left; {columns}")


@data.command()
@DIRECTORY
@NAME
@AS_JSON
@click.option("--last", default=20, show_default=True, type=click.IntRange(0, MOST_LISTED), help="So many spendings.")
def budget(directory: Path, name: str, as_json: bool, last: int) -> None:
    """Show what is left of the budget of a data set, and who spent what on which question."""
    with _data_sets(directory) as found:
        left, spendings = found.budgets.left(name), found.budgets.spendings(name, last)
    if as_json:
        click.echo(json.dumps({"left": _left(left), "spendings": [_spending(each) for each in spendings]}))
        return
    click.echo(f"eps {left.eps:f} of {left.eps_whole:f} left, delta {left.delta:f} of {left.delta_whole:f}")
    for each in spendings:
        click.echo(f"{_moment(each.at_s)} {each.analyst}: eps {each.eps:f}, delta {each.delta:f}: {each.question}")


@data.command()
@DIRECTORY
@NAME
@click.argument("sql", metavar="SQL")
@click.option("--eps", metavar="NUMBER", help="What the question may spend; otherwise as much as the terms say.")
@AS_JSON
def ask(directory: Path, name: str, sql: str, eps: str | None, as_json: bool) -> None:
    """Ask a data set a question in SQL, as an analyst would; the answer spends the same budget.

    SELECT with count(*), sum, avg, median and quantile(column, level), FROM the data set, WHERE on declared columns,
    GROUP BY categories or keys. Imported data sets only: those of surveys are asked on the dashboard.
    """
    with _data_sets(directory) as found:
        answer = found.ask(name, sql, OPERATOR, eps)
    if as_json:
        click.echo(json.dumps(_answer(answer)))
        return
    click.echo("\t".join([*answer.groups, *(f"{measure}\t95 % interval" for measure in answer.measures)]))
    for row in answer.rows:
        values = (f"{each.value:.6g}\t{each.low:.6g} to {each.high:.6g}" for each in row.values)
        click.echo("\t".join([*row.group, *values]))
    click.echo(f"spent eps {answer.eps:f}, delta {answer.delta:f}; eps {answer.left.eps:f} left", err=True)


@data.command()
@DIRECTORY
@NAME
@click.confirmation_option(prompt="The rows cannot be brought back. Erase them?")
def erase(directory: Path, name: str) -> None:
    """Erase the rows of an imported data set. The record of what was spent stays, and the name stays taken."""
    from stats.central.opening import erase_rows

    with _data_sets(directory) as found:
        erased = erase_rows(directory, found, name)
    click.echo(f"{name}: its rows are erased" if erased else f"{name}: there are no rows")


@contextmanager
def _data_sets(directory: Path) -> Iterator[DataSets]:
    from stats.central.opening import open_data_sets

    found = open_data_sets(directory, now_s=stats_outside().now_s)
    try:
        yield found
    finally:
        found.budgets.close()


def _answer(answer: NoisyAnswer) -> dict[str, object]:
    rows = [
        {
            "group": dict(zip(answer.groups, row.group, strict=True)),
            "values": {
                measure: {"value": each.value, "low": each.low, "high": each.high}
                for measure, each in zip(answer.measures, row.values, strict=True)
            },
        }
        for row in answer.rows
    ]
    return {"rows": rows, "eps": f"{answer.eps:f}", "delta": f"{answer.delta:f}", "left": _left(answer.left)}


def _terms(terms: DataSetTerms) -> dict[str, object]:
    import msgspec

    made: dict[str, object] = msgspec.to_builtins(terms)
    return made


def _left(left: BudgetLeft) -> dict[str, str]:
    whole = {"eps_whole": f"{left.eps_whole:f}", "delta_whole": f"{left.delta_whole:f}"}
    return {"eps": f"{left.eps:f}", "delta": f"{left.delta:f}", **whole}


def _spending(spending: DataSpending) -> dict[str, str]:
    told = {"at": _moment(spending.at_s), "analyst": spending.analyst, "question": spending.question}
    return told | {"eps": f"{spending.eps:f}", "delta": f"{spending.delta:f}"}


def _moment(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

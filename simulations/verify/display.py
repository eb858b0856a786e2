"""Rows for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from loopixmix.verdict import Verdict, verdict
from simulations.verify.rows import Row, text
from simulations.verify.verification import FIGURES

WIDTH = 100


def verdict_of(rows: Sequence[Row], *, seconds: float) -> Verdict:
    """Return what a program reads: a check for each row, and how many there are, failed, and how long it took."""
    failed = sum(not row.passed for row in rows)
    figures = {"verify_rows": float(len(rows)), "verify_rows_failed": float(failed), "verify_s": round(seconds, 3)}
    return verdict([row.check() for row in rows], figures)


def show(console: Console, rows: Sequence[Row], *, effort: str, seconds: float) -> None:
    """Print a table for each figure, why failed rows are wrong, and the verdict."""
    for figure, group in groupby(rows, key=lambda row: row.figure):
        members = list(group)
        console.print()
        console.print(Rule(Text(FIGURES[figure], style="bold"), align="left", style="dim"))
        console.print(_table(members))
        for reason in dict.fromkeys(row.reason for row in members):
            console.print(Text(reason, style="dim"), soft_wrap=False)
    failed = [row for row in rows if not row.passed]
    console.print()
    for row in failed:
        tightest = row.tightest
        console.print(
            f"[bold red]FAIL[/] {escape(row.name)}: {tightest.difference:+.4g} {row.unit} off {tightest.against}, "
            f"at most {tightest.within:.4g}"
        )
    form = f"{effort} form, {seconds:.0f} s"
    if failed or not rows:
        console.print(f"[bold red]FAIL[/]: {len(failed)} of {len(rows)} rows ({form})")
    else:
        console.print(f"[bold green]PASS[/]: all {len(rows)} rows ({form})")


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as the tables of docs/published-figures.md."""
    lines = []
    for figure, group in groupby(rows, key=lambda row: row.figure):
        lines += [f"### `{figure}`", "", FIGURES[figure] + ".", ""]
        lines += ["| setting | published | theory | simulated | within | unit |", "|---|---|---|---|---|---|"]
        for row in group:
            cells = (row.setting, text(row.published), text(row.theory), text(row.simulated), text(row.tightest.within))
            lines.append(f"| {' | '.join((*cells, row.unit))} |")
        lines.append("")
    return "\n".join(lines)


def _table(rows: Sequence[Row]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    table.add_column(width=4)
    table.add_column(width=35, overflow="fold")
    for _ in range(3):
        table.add_column(width=9, justify="right")
    for _ in range(2):
        table.add_column(width=8, justify="right")
    table.add_column(width=4)
    headings = ("", "setting", "published", "theory", "simulated", "off by", "within", "unit")
    table.add_row(*(f"[dim]{heading}" for heading in headings))
    for row in rows:
        tightest = row.tightest
        table.add_row(
            "[green]pass" if row.passed else "[bold red]FAIL",
            escape(row.setting),
            _shown(row.published, compared=row.published_within is not None),
            _shown(row.theory, compared=row.theory_within is not None),
            f"[bold]{text(row.simulated)}",
            f"{tightest.difference:+.3f}" if abs(tightest.difference) >= 0.0005 else "0",
            text(tightest.within),
            row.unit,
        )
    return table


def _shown(value: float | None, *, compared: bool) -> str:
    if value is None:
        return ""
    return text(value) if compared else f"[dim]({text(value)})"

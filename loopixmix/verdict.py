"""A verdict: checks and figures, in the one shape that every command which judges prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was found right or wrong.

    `value` is what was measured: words for a person, a number for a program, or None if there was nothing to measure.
    `expected` says in words what passes, and `detail` why, or how it was measured.
    """

    name: str
    passed: bool
    value: str | float | None
    expected: str
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a command that judges, as it prints it for programs."""

    passed: bool
    checks: Sequence[Check]
    figures: Mapping[str, float]


def verdict(checks: Sequence[Check], figures: Mapping[str, float]) -> Verdict:
    """Pass if there is a check and none failed."""
    # Without a check nothing was looked at, and that must not read as success.
    return Verdict(passed=bool(checks) and all(check.passed for check in checks), checks=checks, figures=figures)


def show(console: Console, result: Verdict) -> None:
    """Print a line for each check, the details of those that failed, and the verdict."""
    table = Table.grid(padding=(0, 2))
    table.add_row("", "[bold]check", "[bold]measured", "[bold]expected")
    for check in result.checks:
        mark = "[green]pass" if check.passed else "[bold red]FAIL"
        value = "" if check.value is None else str(check.value)
        table.add_row(mark, escape(check.name), escape(value), f"[dim]{escape(check.expected)}")
        if not check.passed and check.detail:
            table.add_row("", "", f"[red]{escape(check.detail)}", "")
    console.print()
    console.print(table)
    console.print()
    failed = sum(not check.passed for check in result.checks)
    if result.passed:
        console.print(f"[bold green]PASS[/]: all {len(result.checks)} checks")
    else:
        console.print(f"[bold red]FAIL[/]: {failed} of {len(result.checks)} checks")

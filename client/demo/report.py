"""The verdict of a demo: checks, figures, and how both look to a person and to a program."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the demo found right or wrong; the texts are for a person."""

    name: str
    passed: bool
    value: str
    expected: str
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a command that judges prints for programs."""

    passed: bool
    checks: Sequence[Check]
    figures: dict[str, float]


def verdict(checks: Sequence[Check], figures: dict[str, float]) -> Verdict:
    """Pass where there is a check and none failed."""
    return Verdict(passed=bool(checks) and all(check.passed for check in checks), checks=checks, figures=figures)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Measured times in seconds: how many, their mean and their standard deviation."""

    count: int
    mean_s: float
    sd_s: float


def mean_check(name: str, sample: Sample, *, shapes: int, delay_mean_s: float, overhead_s: float, detail: str) -> Check:
    """Hold a mean round trip against Gamma(`shapes`, `delay_mean_s`).

    Null hypothesis: the mean is that of the Gamma distribution plus at most `overhead_s` of work and waiting. It is
    rejected beyond 4.5 standard errors, which a true one exceeds less than once in 100,000 runs.
    """
    expected_s = shapes * delay_mean_s
    standard_error_s = math.sqrt(shapes) * delay_mean_s / math.sqrt(max(sample.count, 1))
    low_s, high_s = expected_s - 4.5 * standard_error_s, expected_s + overhead_s + 4.5 * standard_error_s
    return Check(
        name=name,
        passed=sample.count > 0 and low_s <= sample.mean_s <= high_s,
        value=f"{sample.mean_s * 1000:.0f} ms, sd {sample.sd_s * 1000:.0f}",
        expected=f"{expected_s * 1000:.0f} ms, sd {math.sqrt(shapes) * delay_mean_s * 1000:.0f}",
        detail=f"{detail}; {sample.count} measured, {low_s * 1000:.0f} to {high_s * 1000:.0f} ms passes",
    )


def show(console: Console, result: Verdict) -> None:
    """Print the checks as a table and the verdict under it."""
    table = Table(title="what was found", title_justify="left")
    for heading in ("", "check", "measured", "expected", "how"):
        table.add_column(heading, overflow="fold")
    for check in result.checks:
        mark = "[green]pass" if check.passed else "[red]FAIL"
        table.add_row(mark, check.name, check.value, check.expected, check.detail)
    console.print(table)
    failed = sum(not check.passed for check in result.checks)
    if result.passed:
        console.print(f"[bold green]PASS[/]: all {len(result.checks)} checks")
    else:
        console.print(f"[bold red]FAIL[/]: {failed} of {len(result.checks)} checks")

"""The verdict of a demo: checks, figures, and how both look to a person and to a program."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

MAX_OVERHEAD_S = 0.25
"""What links and processing may add to a loop's round trip, in the mean; more, and the machine is too slow."""


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
    """Measured times in seconds: how many, their mean and the sum of their squared deviations from it."""

    count: int = 0
    mean_s: float = 0.0
    squares_s2: float = 0.0

    @property
    def sd_s(self) -> float:
        """The standard deviation."""
        return math.sqrt(self.squares_s2 / (self.count - 1)) if self.count > 1 else 0.0

    def plus(self, other: Sample) -> Sample:
        """Return both samples as one (Chan, Golub, LeVeque 1979)."""
        count = self.count + other.count
        if not count:
            return self
        apart_s = other.mean_s - self.mean_s
        return Sample(
            count=count,
            mean_s=self.mean_s + apart_s * other.count / count,
            squares_s2=self.squares_s2 + other.squares_s2 + apart_s**2 * self.count * other.count / count,
        )

    def since(self, before: Sample) -> Sample:
        """Return what was measured after `before`, an earlier state of this sample: the reverse of `plus`."""
        count = self.count - before.count
        if count <= 0:
            return Sample()
        mean_s = (self.count * self.mean_s - before.count * before.mean_s) / count
        apart_s = mean_s - before.mean_s
        squares_s2 = self.squares_s2 - before.squares_s2 - apart_s**2 * before.count * count / self.count
        return Sample(count=count, mean_s=mean_s, squares_s2=max(squares_s2, 0.0))


def gamma_check(name: str, sample: Sample, *, shape: int, delay_mean_s: float, overhead_s: float, detail: str) -> Check:
    """Hold mean round trips against Gamma(`shape`, `delay_mean_s`).

    `overhead_s` is what they took, in the mean, beyond the delays that were drawn for them. Null hypothesis: the drawn
    delays are of that distribution. It is rejected beyond 4.5 standard errors of the mean, which a true one exceeds
    less than once in 100,000 runs. The overhead alone must be within `MAX_OVERHEAD_S`.
    """
    expected_s, sd_s = shape * delay_mean_s, math.sqrt(shape) * delay_mean_s
    allowed_s = 4.5 * sd_s / math.sqrt(max(sample.count, 1))
    return Check(
        name=name,
        passed=sample.count > 0
        and abs(sample.mean_s - overhead_s - expected_s) <= allowed_s
        and overhead_s <= MAX_OVERHEAD_S,
        value=f"{sample.mean_s * 1000:.0f} ms, sd {sample.sd_s * 1000:.0f} ({overhead_s * 1000:.0f} ms of work)",
        expected=f"{expected_s * 1000:.0f} ms, sd {sd_s * 1000:.0f}",
        detail=f"{detail}: {sample.count} measured; without the work within {allowed_s * 1000:.0f} ms of theory "
        f"passes, and at most {MAX_OVERHEAD_S * 1000:.0f} ms of work",
    )


def show(console: Console, result: Verdict) -> None:
    """Print a line a check, the details of what failed, and the verdict."""
    table = Table.grid(padding=(0, 2))
    table.add_row("", "[bold]check", "[bold]measured", "[bold]expected")
    for check in result.checks:
        mark = "[green]pass" if check.passed else "[bold red]FAIL"
        table.add_row(mark, check.name, escape(check.value), f"[dim]{escape(check.expected)}")
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

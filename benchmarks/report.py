"""A figure, its bar and how a table and a JSON file of them look."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "build" / "bench"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure; `reference` is what it was measured against in the same run, `ratio` the quotient.

    `met` is None if there is no bar. A figure that could not be measured has no `value`, and its bar is not met.
    """

    name: str
    value: float | None
    unit: str
    reference: float | None = None
    ratio: float | None = None
    bar: float | None = None
    met: bool | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one topic, with the machine and revision they were measured on."""

    machine: str
    revision: str
    figures: Sequence[Figure]


def barred(
    name: str,
    value: float,
    unit: str,
    *,
    bar: float,
    better: Literal["lower", "higher"],
    reference: float | None = None,
) -> Figure:
    """Make a figure that is held against a bar."""
    met = value <= bar if better == "lower" else value >= bar
    ratio = value / reference if reference else None
    return Figure(name=name, value=value, unit=unit, reference=reference, ratio=ratio, bar=bar, met=met)


def tell(line: str) -> None:
    """Tell whoever waits for a measurement how far it is."""
    print(f"  {line}", flush=True)


def machine() -> str:
    """Name the machine as its owner would recognise it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        if models:
            model = f"{len(models)} x {models[0]}"
    return f"{model}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def revision() -> str:
    """Name the revision of the tree, marked if it was changed."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"


def publish(topic: str, figures: Sequence[Figure]) -> None:
    """Print the table and write `build/bench/TOPIC.json`."""
    report = Report(machine=machine(), revision=revision(), figures=figures)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{topic}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    console = Console(width=max(100, Console().width))
    table = Table(title=f"{topic} on {report.machine} at {report.revision}", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("figure", "value", "unit", "against", "ratio", "bar", "met"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right", overflow="fold")
    for figure in figures:
        verdict = {None: "", True: "[green]yes", False: "[red]no"}[figure.met]
        table.add_row(
            figure.name,
            "[red]failed" if figure.value is None else _number(figure.value),
            figure.unit,
            _number(figure.reference),
            _number(figure.ratio),
            _number(figure.bar),
            verdict,
        )
    console.print(table)
    console.print(f"written to {path.relative_to(ROOT)}")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

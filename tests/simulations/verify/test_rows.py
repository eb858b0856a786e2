"""What a row is, when it passes, and how it is shown."""

from __future__ import annotations

import math
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from simulations.verify import display
from simulations.verify.rows import Row, text


def _row(**changed: object) -> Row:
    values: dict[str, object] = {
        "figure": "fifo",
        "setting": "of a test",
        "unit": "bit",
        "simulated": 1.0,
        "reason": "because",
        "published": 1.02,
        "theory": 0.99,
        "published_within": 0.03,
        "theory_within": 0.03,
    }
    return Row(**(values | changed))  # type: ignore[arg-type]


def test_a_row_passes_within_both_tolerances_and_fails_outside_one_of_them() -> None:
    assert _row().passed
    assert not _row(published=1.04).passed
    assert not _row(theory=0.96).passed
    assert _row(theory=0.5, theory_within=None).passed


def test_the_edge_is_within() -> None:
    assert _row(published=1.25, published_within=0.25, theory=None).passed


@pytest.mark.parametrize(
    "changed", [{"simulated": math.nan}, {"published": math.nan}, {"published_within": None, "theory_within": None}]
)
def test_no_number_and_nothing_to_compare_with_are_failures(changed: dict[str, object]) -> None:
    assert not _row(**changed).passed


def test_the_tightest_comparison_is_the_one_nearest_to_failing() -> None:
    assert _row().tightest.against == "published"
    assert _row().tightest.difference == pytest.approx(-0.02)
    assert _row(theory=0.9, theory_within=0.05).tightest.against == "theory"
    assert _row(simulated=math.nan).tightest.strain == math.inf


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0.0, "0"),
        (2e-11, "2e-11"),
        (0.3936, "0.3936"),
        (7.092, "7.092"),
        (-0.5, "-0.5000"),
        (1234.5, "1,234"),
    ],
)
def test_figures_are_written_as_short_as_they_are_exact(value: float | None, shown: str) -> None:
    assert text(value) == shown


def test_a_program_reads_what_was_compared_and_how_near() -> None:
    result = display.verdict_of([_row(), _row(published=9.0)], seconds=1.5)
    read = msgspec.json.decode(msgspec.json.encode(result))
    assert read["passed"] is False
    assert read["figures"] == {"verify_rows": 2.0, "verify_rows_failed": 1.0, "verify_s": 1.5}
    assert read["checks"][0] == {
        "name": "fifo of a test",
        "passed": True,
        "value": "1.000 bit",
        "expected": "published 1.020 within 0.0300, theory 0.9900 within 0.0300",
        "detail": "because",
    }


def test_without_rows_nothing_is_proven() -> None:
    assert not display.verdict_of([], seconds=0.0).passed


def test_a_failed_row_is_said_again_below_the_table_and_no_line_is_too_long() -> None:
    written = StringIO()
    rows = [_row(), _row(published=9.0, setting="which is as long as a setting may get, and longer")]
    display.show(Console(file=written, width=display.WIDTH), rows, effort="quick", seconds=1.0)
    lines = written.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= display.WIDTH
    assert any(line.startswith("FAIL fifo which is") and "-8 bit off published" in line for line in lines)
    assert lines[-1] == "FAIL: 1 of 2 rows (quick form, 1 s)"

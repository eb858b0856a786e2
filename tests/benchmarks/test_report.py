"""Figures, their bars, and the file that others read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks import report
from benchmarks.report import Figure, Report, barred, publish
from benchmarks.topics import failed


@pytest.mark.parametrize(
    ("value", "better", "met"),
    [(9.0, "higher", False), (10.0, "higher", True), (10.0, "lower", True), (11.0, "lower", False)],
)
def test_a_bar_is_met_or_not(value: float, better: str, met: bool) -> None:
    figure = barred("apples", value, "apples", bar=10.0, better=better, reference=5.0)  # type: ignore[arg-type]
    assert (figure.met, figure.ratio) == (met, value / 5.0)


def test_the_file_has_every_figure_also_those_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "OUTPUT", tmp_path / "build")
    figures = [Figure(name="apples", value=1234.5, unit="1/s"), failed("pears")]
    publish("fruit", figures)
    written = (tmp_path / "build" / "fruit.json").read_bytes()
    assert msgspec.json.decode(written, type=Report).figures == figures
    assert set(msgspec.json.decode(written)["figures"][1]) == {
        "name",
        "value",
        "unit",
        "reference",
        "ratio",
        "bar",
        "met",
    }
    shown = capsys.readouterr().out
    [apples] = [line for line in shown.splitlines() if "apples" in line]
    [pears] = [line for line in shown.splitlines() if "pears" in line]
    assert "1,234" in apples
    assert "failed" in pears

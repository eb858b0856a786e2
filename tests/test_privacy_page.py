"""docs/privacy.md says for how long things are kept: its figures are those of the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "privacy.md"
SECONDS = {"hour": 3600, "hours": 3600, "day": 86_400, "days": 86_400}
_ROW = re.compile(
    r"^\| [^|]+ \| (?P<what>[^|]+) \| (?P<count>\d+) (?P<unit>hours?|days?)\b[^|]*\| `(?P<place>[^`]+)` \|$"
)


def rows() -> list[tuple[str, float, str]]:
    """Return what is kept, for how many seconds by the page, and which value of the code says so."""
    found = [_ROW.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return [(row["what"], int(row["count"]) * SECONDS[row["unit"]], row["place"]) for row in found if row]


def value_of(place: str) -> float:
    """Return a constant, or the default of a setting, in seconds."""
    path, _, name = place.partition("::")
    found = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    owner, _, setting = name.rpartition(".")
    value = getattr(getattr(found, owner)(), setting) if owner else getattr(found, name)
    assert name.lower().endswith(("_s", "_days")), f"{name}: the unit is not known"
    return float(value) * (86_400 if name.endswith("_days") else 1)


@pytest.mark.parametrize(("what", "kept_s", "place"), rows(), ids=lambda each: str(each)[:40])
def test_the_page_tells_for_how_long_the_code_keeps_it(what: str, kept_s: float, place: str) -> None:
    assert value_of(place) == kept_s, what


def test_each_row_with_a_figure_names_the_code() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## For how long")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if re.search(r"\| \d+ ", line)]
    assert len(lines) == len(rows()) >= 14

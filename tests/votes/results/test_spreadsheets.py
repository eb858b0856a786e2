"""A result as CSV."""

from __future__ import annotations

import csv
import io

from tests.worlds.counted_elections import counted_election
from votes.results.spreadsheets import choices_csv, figures_csv

COUNTED = counted_election()


def _read(written: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written)))


def test_all_figures_are_lines() -> None:
    lines = _read(figures_csv(COUNTED.result))
    assert lines[0] == ["poll", "table", "row", "column", "figure"]
    assert ["yes-no", "Ballots", "blank", "ballots", "10"] in lines
    assert ["yes-no", "Answers", "Yes", "share", "64.8 %"] in lines
    assert ["yes-no", "Winners", "Yes", "place", "1"] in lines
    assert ["lists", "Lists and seats", "List 1", "seats", "2"] in lines
    assert {len(line) for line in lines} == {5}


def test_equal_options_are_lines() -> None:
    lines = _read(figures_csv(COUNTED.result))
    assert ["score", "Equal", "Option 3", "open seats", "1"] not in lines
    assert [line for line in lines if line[:2] == ["grade", "Equal"]] == [
        ["grade", "Equal", name, "open seats", "1"] for name in ("Option 1", "Option 3")
    ]


def test_choices_are_told_in_words() -> None:
    lines = _read(choices_csv(COUNTED.election, COUNTED.result, COUNTED.group))
    assert lines[:4] == [
        ["poll", "choice", "ballots"],
        ["yes-no", "Yes", "81"],
        ["yes-no", "No", "44"],
        ["yes-no", "blank", "10"],
    ]
    assert ["choose", "Option 1; Option 2", "3"] in lines
    assert ["lists", "List 2; with Option 3", "4"] in lines


def test_counts_only_has_no_choices() -> None:
    counted = counted_election(counts_only=True)
    lines = _read(choices_csv(counted.election, counted.result, counted.group))
    assert lines == [["poll", "choice", "ballots"], ["yes-no", "blank", "10"]]


def test_no_text_of_a_voter_is_a_formula_or_breaks_a_line() -> None:
    for written in (
        figures_csv(COUNTED.result),
        choices_csv(COUNTED.election, COUNTED.result, COUNTED.group),
    ):
        cells = [cell for line in _read(written) for cell in line]
        assert "'=HYPERLINK(1)" in cells
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
        assert "up\ufffddown" in cells
        assert "tab\ufffdand\ufffdreturn" in cells

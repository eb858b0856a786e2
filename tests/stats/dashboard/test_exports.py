"""Files: CSV that no spreadsheet computes, and Parquet."""

from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest

from loopixmix.errors import MisuseError
from stats.columns.seams import CellFilter
from stats.dashboard import exports
from stats.dashboard.exports import (
    ESTIMATE_COLUMNS,
    ExportedPart,
    ExportedRows,
    ExportFormat,
    ExportOrder,
    csv_of,
    ordered_file,
    parquet_of,
    report_rows,
)
from stats.dashboard.seams import ShownSurvey
from stats.questionnaire.questions import SingleChoice
from tests.worlds.stats_dashboard import AGE, HOME, DashboardWorld, drafted, frozen

ESTIMATES = ExportOrder(ExportedPart.ESTIMATES, ExportFormat.CSV)
REPORTS = ExportOrder(ExportedPart.REPORTS, ExportFormat.CSV)


@pytest.fixture
def survey(world: DashboardWorld) -> ShownSurvey:
    world.town.weights["home"] = [50, 30, 15, 5, 0]
    return world.add(frozen(drafted("a", [HOME, AGE])), 2000)


def lines(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))


def test_estimates_are_raw_and_what_is_hidden_is_empty(world: DashboardWorld, survey: ShownSurvey) -> None:
    file = ordered_file(world.results, survey, ESTIMATES)
    assert (file.name, file.rows) == (f"{survey.short_id}-estimates.csv", 12)
    found = lines(file.body)
    assert tuple(found[0]) == ESTIMATE_COLUMNS
    shares = world.results.question(survey, "home", CellFilter()).shares
    for line, raw, hidden in zip(found, shares.raw, shares.hidden, strict=False):
        assert line["hidden"] == str(bool(hidden))
        assert line["raw_share"] == ("" if hidden else str(float(raw)))
        assert line["reports"] == "2000"
    assert any(line["hidden"] == "True" for line in found)
    assert float(found[0]["eps"]) <= float(found[0]["eps0"])


def test_reports_are_those_of_the_column_store(world: DashboardWorld, survey: ShownSurvey) -> None:
    world.town.answer(survey, 300, batch=1)
    file = ordered_file(world.results, survey, ExportOrder(ExportedPart.REPORTS, ExportFormat.PARQUET, 0, (1, 2)))
    table = pq.read_table(io.BytesIO(file.body))
    assert table.column_names == ["period", "batch", "home", "age"]
    assert (table.num_rows, file.rows) == (300, 300)
    assert set(table["batch"].to_pylist()) == {1}
    assert len(lines(ordered_file(world.results, survey, REPORTS).body)) == 2300


def test_an_export_before_the_first_batch_is_an_empty_table(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("b", [HOME])))
    file = ordered_file(world.results, survey, ExportOrder(ExportedPart.REPORTS, ExportFormat.PARQUET))
    assert pq.read_table(io.BytesIO(file.body)).num_rows == 0


def test_too_many_reports_and_sheets_that_are_not_there_are_refused(
    world: DashboardWorld, survey: ShownSurvey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MisuseError, match="the survey has no sheet 1; it has 1"):
        report_rows(world.results, survey, 1, None)
    monkeypatch.setattr(exports, "MOST_EXPORTED", 1999)
    with pytest.raises(MisuseError, match="these are 2,000 reports; a file has at most 1,999: choose fewer batches"):
        report_rows(world.results, survey, 0, None)
    assert report_rows(world.results, survey, 0, (5, 9)).rows == []


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "a\n=1"])
def test_no_cell_is_a_formula(label: str) -> None:
    [[cell]] = list(csv.reader(io.StringIO(csv_of(ExportedRows(("label",), [(label,)])).decode())))[1:]
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert cell.isprintable()


def test_negative_numbers_stay_numbers() -> None:
    assert b"-0.25" in csv_of(ExportedRows(("raw_share",), [(-0.25,)]))
    assert b"'" not in csv_of(ExportedRows(("raw_share",), [(-0.25,)]))


def test_a_hostile_author_makes_no_formula(world: DashboardWorld) -> None:
    hostile = SingleChoice(name="x", text="?", options=('=HYPERLINK("http://evil")', "fine"))
    survey = world.add(frozen(drafted("c", [hostile])), 600)
    assert lines(ordered_file(world.results, survey, ESTIMATES).body)[0]["label"].startswith("'=HYPERLINK")


def test_parquet_keeps_what_is_not_told_apart_from_zero() -> None:
    made = pq.read_table(io.BytesIO(parquet_of(ExportedRows(("a", "b"), [(None, 0.0), (1.5, 1.0)]))))
    assert made.to_pylist() == [{"a": None, "b": 0.0}, {"a": 1.5, "b": 1.0}]

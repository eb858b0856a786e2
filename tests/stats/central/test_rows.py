"""The engine reaches nothing but the rows that it is handed, for a bounded time."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from stats.central.rows import DataAwayError, ParquetFolder, ParquetRows
from tests.worlds.stats.data_sets import people_data


def test_an_engine_that_is_handed_a_statement_reaches_no_file(tmp_path: Path) -> None:
    people_data(tmp_path)
    rows = ParquetFolder(tmp_path / "data").find("people")
    assert rows is not None
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for statement in (
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        f"COPY rows TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(DataAwayError):
            rows.rows(statement, 10)
        with pytest.raises(duckdb.Error):
            rows._rows(statement, 10)
    made = {path.name for path in tmp_path.iterdir() if not path.name.startswith("budgets.")}
    assert made == {"data", "people.csv", "secret.csv"}


def test_a_statement_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    people_data(tmp_path)
    rows = ParquetRows(ParquetFolder(tmp_path / "data").path("people"), longest_s=0.1)
    with pytest.raises(DataAwayError):
        rows.rows("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", 1)
    assert rows.rows("SELECT count(*) FROM rows", 1) == [(500,)]


def test_no_more_rows_come_back_than_are_asked_for(tmp_path: Path) -> None:
    people_data(tmp_path)
    rows = ParquetRows(ParquetFolder(tmp_path / "data").path("people"))
    assert len(rows.rows("SELECT age FROM rows", 7)) == 7


def test_other_data_sets_have_no_rows_here(tmp_path: Path) -> None:
    assert ParquetFolder(tmp_path).find("people") is None

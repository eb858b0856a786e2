"""Results: tables, estimates, notes, and how they are loaded."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from loopixmix.errors import MisuseError
from simulations import Result, Scenario, change, run
from simulations.results.manifest import FolderError

TOY = "tests.worlds.toys:ENGINE"


SWEEP = {"mix.delay_mean_s": [0.1, 0.2], "topology.layers": [2, 3]}


def test_tables_are_tidy_and_swept_keys_are_columns() -> None:
    result = run(Scenario(), TOY, sweep=SWEEP, replicates=3, jobs=1)
    table = result.to_dataframe()
    assert list(table.columns) == [
        *("point", "mix.delay_mean_s", "topology.layers", "engine", "replicate", "measure", "unit", "value")
    ]
    assert len(table) == 4 * 3 * 2
    assert set(table["unit"]) == {"s"}
    at_last = table[(table["point"] == 3) & (table["measure"] == "latency_mean_s")]
    assert at_last["value"].mean() == pytest.approx(0.8, rel=0.1)
    assert at_last["topology.layers"].unique().tolist() == [3]


def test_the_summary_has_intervals_and_theory_beside_the_means() -> None:
    result = run(Scenario(), TOY, sweep={"mix.delay_mean_s": [0.1, 0.2]}, replicates=4, jobs=1)
    summary = result.summary().set_index(["point", "measure"])
    row = summary.loc[(1, "latency_mean_s")]
    estimate = result.estimate("latency_mean_s", point=1)
    assert (row["count"], row["mean"], row["low"], row["high"]) == (4, estimate.mean, estimate.low, estimate.high)
    assert row["exact"] == pytest.approx(0.8)
    assert row["difference"] == pytest.approx(row["mean"] - 0.8)
    only_theory = summary.loc[(1, "entropy_bits")]
    assert only_theory["count"] == 0
    assert only_theory["exact"] > 0


def test_distributions_are_kept_with_those_of_theory() -> None:
    table = run(Scenario(), TOY, replicates=2, jobs=1).distributions()
    assert set(table["engine"]) == {"toy", "exact"}
    of_one = table[(table["engine"] == "toy") & (table["replicate"] == 1)]
    assert of_one["quantile"].is_monotonic_increasing
    assert of_one["probability"].iloc[[0, -1]].tolist() == [0.0, 1.0]


def test_measures_that_are_not_there_are_misuse() -> None:
    result = run(Scenario(), TOY, replicates=1, jobs=1)
    with pytest.raises(MisuseError, match=r'"epsilon" was not measured at point 0 \(there is: latency_mean_s'):
        result.estimate("epsilon")
    with pytest.raises(MisuseError, match="there is no point 1: there are 1, from 0"):
        result.estimate("latency_mean_s", point=1)


def test_a_result_shows_itself_in_a_notebook() -> None:
    result = run(change(Scenario(), {"name": "a-b"}), TOY, sweep=SWEEP, replicates=2, jobs=1)
    assert repr(result) == "<Result of a-b by tests.worlds.toys:ENGINE, 4 points, 2 replicates>"
    html = result._repr_html_()
    assert html.count("<tr>") == 5
    assert "latency_mean_s" in html
    assert "±" in html


def test_a_folder_loads_as_the_result_that_was_kept(tmp_path: Path) -> None:
    result = run(Scenario(), TOY, sweep=SWEEP, replicates=2, jobs=1, out=tmp_path / "out")
    loaded = Result.load(tmp_path / "out")
    for ours, kept in (
        (result.to_dataframe(), loaded.to_dataframe()),
        (result.summary(), loaded.summary()),
        (result.distributions(), loaded.distributions()),
    ):
        pd.testing.assert_frame_equal(ours, kept, check_exact=True)
    assert loaded.manifest == result.manifest
    assert loaded.points == result.points


def test_csv_and_parquet_say_the_same_and_units_are_a_column(tmp_path: Path) -> None:
    run(Scenario(), TOY, sweep=SWEEP, replicates=2, jobs=1, out=tmp_path)
    for name in ("replicates", "summary", "distributions"):
        from_csv = pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False, na_values="")
        from_parquet = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert "unit" in from_csv.columns
        numbers = from_parquet.select_dtypes("number").columns
        pd.testing.assert_frame_equal(from_csv[numbers], from_parquet[numbers], check_exact=True, check_dtype=False)


def test_folders_that_keep_no_finished_run_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"holds no manifest\.json: no run was kept there"):
        Result.load(tmp_path)
    result = run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    unfinished = msgspec.structs.replace(result.manifest, complete=False, tasks_done=1)
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(unfinished))
    with pytest.raises(
        FolderError, match=r"the run is not finished \(1 of 2 tasks are done\): the same command goes on with it"
    ):
        Result.load(tmp_path)
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(result.manifest))
    (tmp_path / "replicates.parquet").write_bytes(b"PAR1")
    with pytest.raises(FolderError, match=r"replicates\.parquet: cannot be read"):
        Result.load(tmp_path)


def test_csv_is_read_by_anything(tmp_path: Path) -> None:
    run(Scenario(), TOY, sweep={"links.area": ["world", "europe"]}, replicates=1, jobs=1, out=tmp_path)
    with (tmp_path / "replicates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["links.area"] for row in rows] == ["world", "world", "europe", "europe"]

"""Results: tables, estimates, notes, and how they are loaded."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from loopixmix.errors import MisuseError
from simulations import Result, Scenario, change, run
from simulations.results.manifest import FolderError, read_manifest
from simulations.sweep.points import Axis
from simulations.workbench.runs import Sweep

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
        from_csv = pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False, na_values="NaN")
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


def doubled(path: Path) -> None:
    table = pd.read_parquet(path)
    table["value"] *= 2
    table.to_parquet(path, index=False)


def doubled_as_text(path: Path) -> None:
    table = pd.read_csv(path)
    table["mean"] *= 2
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("replicates.parquet", doubled, "was changed after the run wrote it"),
        ("summary.csv", doubled_as_text, "was changed after the run wrote it"),
        ("distributions.parquet", lambda path: path.write_bytes(b"PAR1"), "was changed after the run wrote it"),
        ("scenario.toml", lambda path: path.write_text("name = 'other'"), "was changed after the run wrote it"),
        ("summary.parquet", Path.unlink, "is not there"),
    ],
)
def test_a_folder_whose_files_changed_names_the_file_and_the_cure_which_helps(
    tmp_path: Path, name: str, damage: Callable[[Path], object], says: str
) -> None:
    result = run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    damage(tmp_path / name)
    with pytest.raises(FolderError) as caught:
        Result.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: {says}")
    assert "the same command, with this folder as --out, writes it anew" in str(caught.value)
    run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    assert Result.load(tmp_path).to_dataframe().equals(result.to_dataframe())


def test_tables_of_text_are_not_needed(tmp_path: Path) -> None:
    result = run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    assert Result.load(tmp_path).to_dataframe().equals(result.to_dataframe())


def changed_with_its_hash(folder: Path, name: str, change_table: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a table and the manifest to it, as another version of the program would have written both."""
    path = folder / name
    change_table(pd.read_parquet(path)).to_parquet(path, index=False)
    manifest = read_manifest(folder)
    files = manifest.files | {name: hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, files=files)))


@pytest.mark.parametrize(
    ("name", "change_table", "says"),
    [
        ("summary.parquet", lambda table: table.drop(columns="exact"), "has no column exact: "),
        ("replicates.parquet", lambda table: table.drop(columns=["point", "value"]), "has no column point, value: "),
        ("replicates.parquet", lambda table: table.assign(point=7), "has other points than the 1 of manifest.json: "),
        ("distributions.parquet", lambda table: table.iloc[1:], "has quantiles at other probabilities than "),
    ],
)
def test_tables_of_another_form_are_refused_by_name(
    tmp_path: Path, name: str, change_table: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    changed_with_its_hash(tmp_path, name, change_table)
    with pytest.raises(FolderError) as caught:
        Result.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: {says}")
    assert "the same command" in str(caught.value)


def test_a_manifest_without_hashes_is_refused(tmp_path: Path) -> None:
    result = run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(result.manifest, files={})))
    with pytest.raises(FolderError, match=r"manifest\.json: has no hash of replicates\.parquet: the same command"):
        Result.load(tmp_path)
    run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    assert Result.load(tmp_path).to_dataframe().equals(result.to_dataframe())


SHORT = ((0.5, 0.01), (1.0, 0.02))
LONG = ((0.5, 0.1), (1.0, 0.2))


@pytest.mark.parametrize(
    "sweep",
    [
        {"links.quantiles": [SHORT, LONG]},
        {"links.quantiles": [[list(pair) for pair in pairs] for pairs in (SHORT, LONG)]},
        [Axis("links.quantiles", (np.array(SHORT), np.array(LONG)))],
        {"attacks.fifo": [{"trials": 10}, {"trials": 20}]},
        {"packets.cryptography": [True, False], "mix.delay_mean_s": np.array([0.1, 1.0])},
    ],
)
def test_swept_values_come_back_as_they_were(tmp_path: Path, sweep: Sweep) -> None:
    scenario = change(Scenario(), {"links.model": "quantiles", "links.quantiles": SHORT})
    result = run(scenario, TOY, sweep=sweep, replicates=1, jobs=1, out=tmp_path)
    loaded = Result.load(tmp_path)
    assert loaded.points == result.points
    assert loaded.manifest == result.manifest
    assert [repr(point.values) for point in loaded.points] == [repr(point.values) for point in result.points]
    pd.testing.assert_frame_equal(loaded.summary(), result.summary(), check_exact=True)
    # The same sweep once more belongs to the same folder.
    assert run(scenario, TOY, sweep=sweep, replicates=1, jobs=1, out=tmp_path).manifest == result.manifest


def test_no_number_is_written_as_a_number_so_that_no_column_is_taken_for_text(tmp_path: Path) -> None:
    """Polars and DuckDB take a column of empty cells, or one that begins with a hundred of them, for text."""
    run(Scenario(), TOY, sweep=SWEEP, replicates=1, jobs=1, out=tmp_path)
    numbers = {"count", "mean", "sd", "low", "high", "q05", "q50", "q95", "exact", "difference", "value", "quantile"}
    for name in ("replicates", "summary", "distributions"):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            cells = [cell for row in csv.DictReader(file) for key, cell in row.items() if key in numbers]
        assert all(re.fullmatch(r"NaN|-?\d+(\.\d+)?(e[-+]\d+)?", cell) for cell in cells), name
        assert ("NaN" in cells) == (name == "summary")


def test_csv_is_read_by_anything(tmp_path: Path) -> None:
    run(Scenario(), TOY, sweep={"links.area": ["world", "europe"]}, replicates=1, jobs=1, out=tmp_path)
    with (tmp_path / "replicates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["links.area"] for row in rows] == ["world", "world", "europe", "europe"]

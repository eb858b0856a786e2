"""Runs: the API for notebooks, what a folder keeps, and what goes on in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from toy_engine import LOG

import simulations
from loopixmix.errors import MisuseError, StoreError
from simulations import Result, Scenario, change, load_scenario, run
from simulations.scenario.checking import remarks
from simulations.workbench.folder import Folder, FolderError
from simulations.workbench.local import WorkerLostError
from simulations.workbench.manifest import code
from simulations.workbench.running import plan_of

TOY = "toy_engine:ENGINE"
SWEEP = {"mix.delay_mean_s": [0.1, 0.2], "topology.layers": [2, 3]}
TABLES = [f"{name}.{kind}" for name in ("replicates", "summary", "distributions") for kind in ("csv", "parquet")]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the toy engine writes a line for each task that it does."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv(LOG, str(path))
    return path


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_the_package_offers_what_a_notebook_needs_and_nothing_else() -> None:
    assert set(dir(simulations)) == set(simulations.__all__)
    assert all(getattr(simulations, name) is not None for name in simulations.__all__)
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        _ = simulations.walk


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


def test_notes_say_what_to_know_each_once() -> None:
    hasty = change(Scenario(), {"run.warm_up_s": 0})
    result = run(hasty, TOY, sweep={"mix.delay_mean_s": [0.1, 5.0]}, replicates=1, jobs=1)
    assert "toys are no networks." in result.notes
    assert sum("run.warm_up_s is below three mean path delays" in note for note in result.notes) == 1
    assert sum("one replicate says nothing of the spread" in note for note in result.notes) == 1
    by_text = {note.text[:13]: note.points for note in result.manifest.notes}
    assert (by_text["run.warm_up_s"], by_text["run.drain_s i"]) == (2, 1)
    assert not any("no path" in note for note in run(hasty, "exact").notes)


@pytest.mark.parametrize(("share", "is_said"), [(0.05, True), (0.3, True), (1 / 3, False), (0.0, False), (1.0, False)])
def test_a_share_of_mixes_that_is_rounded_is_said(share: float, is_said: bool) -> None:
    said = remarks(change(Scenario(), {"corruption.share": share}))
    assert any("the nearest is taken" in remark for remark in said) == is_said


def test_what_engine_and_theory_both_say_is_said_once() -> None:
    result = run(change(Scenario(), {"users.count": 50, "users.online_share": 0.5}), replicates=2, jobs=1)
    assert sum("delivery_* are for senders and recipients who are linked" in note for note in result.notes) == 1


def test_a_result_shows_itself_in_a_notebook() -> None:
    result = run(change(Scenario(), {"name": "a-b"}), TOY, sweep=SWEEP, replicates=2, jobs=1)
    assert repr(result) == "<Result of a-b by toy_engine:ENGINE, 4 points, 2 replicates>"
    html = result._repr_html_()
    assert html.count("<tr>") == 5
    assert "latency_mean_s" in html
    assert "±" in html


def test_a_scenario_may_be_a_file_or_a_name(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('name = "mine"')
    assert run(path, TOY, replicates=1, jobs=1).scenario.name == "mine"
    assert run("default", TOY, replicates=1, jobs=1).scenario == change(load_scenario("default"), {"run.replicates": 1})


def test_the_same_run_gives_the_same_files_byte_for_byte_whatever_jobs(tmp_path: Path) -> None:
    for folder, jobs in (("a", 1), ("b", 2), ("c", 1)):
        run(Scenario(), TOY, sweep=SWEEP, replicates=3, jobs=jobs, out=tmp_path / folder)
    names = [path.relative_to(tmp_path / "a") for path in sorted((tmp_path / "a").rglob("*")) if path.is_file()]
    assert {str(name) for name in names} > {*TABLES, "manifest.json", "scenario.toml"}
    for name in names:
        first = (tmp_path / "a" / name).read_bytes()
        for other in ("b", "c"):
            assert (first == (tmp_path / other / name).read_bytes()) == (str(name) != "manifest.json"), name


def test_another_seed_gives_other_figures_and_more_replicates_the_same_and_more(tmp_path: Path) -> None:
    few = run(Scenario(), TOY, replicates=2, jobs=1).to_dataframe()
    more = run(Scenario(), TOY, replicates=3, jobs=1).to_dataframe()
    other = run(change(Scenario(), {"seeds.root": 2}), TOY, replicates=2, jobs=1).to_dataframe()
    assert more[more["replicate"] < 2].reset_index(drop=True).equals(few)
    assert not set(other["value"]) & set(few["value"])
    assert few["value"].is_unique


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


def test_the_manifest_says_what_made_the_files(tmp_path: Path) -> None:
    run(Scenario(), TOY, sweep=SWEEP, replicates=2, jobs=1, out=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["engine"] == TOY
    assert manifest["code"]["fingerprint"] == code().fingerprint
    assert set(manifest["code"]) == {"version", "revision", "changed", "fingerprint", "native"}
    assert manifest["sweep"] == [{"key": key, "values": values} for key, values in SWEEP.items()]
    assert (manifest["replicates"], manifest["points"], manifest["complete"]) == (2, 4, True)
    assert manifest["scenario"]["seeds"]["root"] == 1
    assert {"python", "numpy"} <= set(manifest["versions"])
    assert "warm-up" in manifest["window"]
    assert "drain" in manifest["window"]
    (session,) = manifest["sessions"]
    assert (session["end"], session["tasks_done"]) == ("complete", 4 * 2 + 4)
    assert session["ended"] >= session["started"]
    assert "module toy_engine" in manifest["inputs"]


def test_a_run_that_is_complete_does_nothing_again(tmp_path: Path, log: Path) -> None:
    first = run(Scenario(), TOY, sweep=SWEEP, replicates=2, jobs=1, out=tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    again = run(Scenario(), TOY, sweep=SWEEP, replicates=2, jobs=1, out=tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    assert len(lines(log)) == 8
    assert again.to_dataframe().equals(first.to_dataframe())
    assert again.manifest == first.manifest


def test_more_replicates_are_added_to_what_is_there(tmp_path: Path, log: Path) -> None:
    run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path / "out")
    run(Scenario(), TOY, replicates=5, jobs=1, out=tmp_path / "out")
    assert lines(log) == [f"0.2 {replicate}" for replicate in range(5)]
    fresh = run(Scenario(), TOY, replicates=5, jobs=1, out=tmp_path / "fresh")
    assert fresh.manifest.files == Result.load(tmp_path / "out").manifest.files
    with pytest.raises(FolderError, match="there were 5 replicates, are 3"):
        run(Scenario(), TOY, replicates=3, jobs=1, out=tmp_path / "out")


DAMAGE = [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    lambda path: path.write_bytes(path.with_name("00000-00002.outcome").read_bytes()),
]


@pytest.mark.parametrize("damage", range(len(DAMAGE)))
def test_damaged_parts_are_noticed_and_made_again(tmp_path: Path, log: Path, damage: int) -> None:
    out = tmp_path / "out"
    whole = run(Scenario(), TOY, replicates=4, jobs=1, out=out)
    DAMAGE[damage](out / "parts" / "00000-00001.outcome")
    (out / "summary.csv").write_text("spoilt")
    log.write_text("")
    again = run(Scenario(), TOY, replicates=4, jobs=1, out=out)
    assert lines(log) == ["0.2 1"]
    assert again.manifest.files == whole.manifest.files
    assert len(again.manifest.sessions) == 2


def test_tables_that_are_damaged_or_gone_are_written_again(tmp_path: Path, log: Path) -> None:
    out = tmp_path / "out"
    whole = run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    (out / "replicates.csv").unlink()
    assert run(Scenario(), TOY, replicates=2, jobs=1, out=out).manifest.files == whole.manifest.files
    assert (out / "replicates.csv").exists()
    assert len(lines(log)) == 2


@pytest.mark.parametrize(
    ("values", "sweep", "engine", "expected"),
    [
        ({"mix.delay_mean_s": 0.5}, {}, TOY, "mix.delay_mean_s was 0.2, is 0.5"),
        ({"seeds.root": 9}, {}, TOY, "seeds.root was 1, is 9"),
        ({"attacks.fifo": {}}, {}, TOY, "attacks.fifo.trials was absent, is 100000"),
        ({}, {"topology.layers": [2, 3]}, TOY, "the sweep of topology.layers was absent, is 2, 3"),
        ({}, {}, "toy_engine:BABBLING", "the engine was toy_engine:ENGINE, is toy_engine:BABBLING"),
    ],
)
def test_another_run_in_the_same_folder_is_refused_with_what_differs(
    tmp_path: Path, values: dict[str, object], sweep: dict[str, list[object]], engine: str, expected: str
) -> None:
    run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    with pytest.raises(FolderError) as caught:
        run(change(Scenario(), values), engine, sweep=sweep, replicates=2, jobs=1, out=tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: keeps another run: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [
        ({"code": {"fingerprint": "0" * 64, "revision": "abc"}}, "the code was abc"),
        ({"versions": {"numpy": "1.0"}}, "the version of numpy was 1.0, is "),
        ({"inputs": {"module toy_engine": "0" * 64}}, "the content of module toy_engine was 000000000000, is "),
    ],
)
def test_other_code_libraries_and_inputs_in_the_same_folder_are_refused(
    tmp_path: Path, replaced: dict[str, dict[str, str]], expected: str
) -> None:
    run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    path = tmp_path / "manifest.json"
    content = json.loads(path.read_text())
    for key, values in replaced.items():
        content[key] |= values
    path.write_text(json.dumps(content))
    with pytest.raises(FolderError, match=expected):
        run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)


def test_a_matrix_whose_content_changes_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("matrix.csv").write_text("0,0.1\n0.1,0\n")
    scenario = change(Scenario(), {"links.model": "matrix", "links.matrix": "matrix.csv"})
    run(scenario, TOY, replicates=1, jobs=1, out="out")
    Path("matrix.csv").write_text("0,0.2\n0.2,0\n")
    with pytest.raises(FolderError, match=r"the content of matrix\.csv was "):
        run(scenario, TOY, replicates=1, jobs=1, out="out")
    Path("matrix.csv").unlink()
    with pytest.raises(MisuseError, match=r'links\.matrix is "matrix\.csv": cannot be read: No such file'):
        run(scenario, TOY, replicates=1, jobs=1, out="out")


def test_folders_that_hold_something_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FolderError, match=r"holds other files and no manifest\.json: choose a new folder"):
        run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(FolderError, match=r"manifest\.json: is no manifest of this version"):
        run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    with pytest.raises(StoreError, match="cannot be used as a folder: Not a directory"):
        run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path / "thesis.tex")


def test_two_runs_in_one_folder_at_once_are_refused(tmp_path: Path) -> None:
    plan = plan_of(Scenario(), TOY)
    folder = Folder(tmp_path, plan.manifest)
    with pytest.raises(FolderError, match="another process runs in this folder"):
        run(Scenario(), TOY, jobs=1, out=tmp_path)
    folder.close()
    run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)


def test_folders_that_keep_no_finished_run_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"holds no manifest\.json: no run was kept there"):
        Result.load(tmp_path)
    result = run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    unfinished = msgspec.structs.replace(result.manifest, complete=False, tasks_done=1)
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(unfinished))
    with pytest.raises(
        FolderError, match=r"the run is not finished \(1 of 2 tasks are done\): the same command goes on"
    ):
        Result.load(tmp_path)
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(result.manifest))
    (tmp_path / "replicates.parquet").write_bytes(b"PAR1")
    with pytest.raises(FolderError, match=r"replicates\.parquet: cannot be read"):
        Result.load(tmp_path)


def test_what_an_engine_cannot_do_is_refused_before_anything_is_done(tmp_path: Path, log: Path) -> None:
    with pytest.raises(MisuseError, match=r"with corruption.share=0.5: corruption.share is 0.5: the toy engine knows"):
        run(Scenario(), TOY, sweep={"corruption.share": [0, 0.5]}, jobs=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert lines(log) == []


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("exakt", r'no engine is called "exakt" \(there are: exact, vector, nodes, or MODULE:ATTRIBUTE'),
        ("no_such_module:ENGINE", 'the engine "no_such_module:ENGINE" cannot be loaded: No module named'),
        ("toy_engine:ABSENT", "cannot be loaded: module 'toy_engine' has no attribute 'ABSENT'"),
        ("toy_engine:NO_ENGINE", r"is no engine: it lacks run\(\) and check\(\)"),
        (":", 'no engine is called ":"'),
        ("", 'no engine is called ""'),
    ],
)
def test_engines_that_are_none_are_refused(engine: str, expected: str) -> None:
    with pytest.raises(MisuseError, match=expected):
        run(Scenario(), engine, jobs=1)


def test_an_engine_that_measures_what_nobody_knows_is_refused() -> None:
    with pytest.raises(
        MisuseError, match='the engine toy measures what nobody knows: no measure is called "happiness"'
    ):
        run(Scenario(), "toy_engine:BABBLING", replicates=1, jobs=1)


def test_a_bug_in_an_engine_says_where_it_was_and_keeps_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Scenario(), "toy_engine:BUGGY", replicates=2, jobs=1, out=tmp_path)
    assert caught.value.__notes__ == ["while running replicate 0 of point 0 with engine toy_engine:BUGGY"]
    assert json.loads((tmp_path / "manifest.json").read_text())["sessions"][0]["end"] == "failed"


def test_a_process_that_dies_is_said_and_what_is_done_is_kept(tmp_path: Path) -> None:
    with pytest.raises(WorkerLostError, match="died, perhaps for want of memory"):
        run(Scenario(), "toy_engine:DYING", replicates=4, jobs=2, out=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert manifest["sessions"][0]["end"] == "failed"


def test_exact_needs_one_replicate_and_has_no_theory_beside_it() -> None:
    result = run("default", "exact", replicates=20)
    assert result.manifest.replicates == 1
    assert result.theory == {}
    assert result.summary()["exact"].isna().all()


@pytest.mark.parametrize("jobs", [0, -1, 5000])
def test_impossible_numbers_of_jobs_are_refused(jobs: int) -> None:
    with pytest.raises(MisuseError, match=rf"--jobs is {jobs}: must be a whole number from 1 to 1024"):
        run(Scenario(), TOY, jobs=jobs)


def test_replicates_out_of_range_are_refused() -> None:
    with pytest.raises(MisuseError, match=r"run\.replicates is 0: must be a whole number from 1 to 100000"):
        run(Scenario(), TOY, replicates=0)


class Listener:
    """Hears how far a run is."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int, int]] = []
        self.closed = False

    def show(self, done: float, over: int, tasks: int) -> None:
        self.heard.append((done, over, tasks))

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_counts_tasks_that_run_by_their_share(jobs: int) -> None:
    listener = Listener()
    slow = change(Scenario(), {"processors.unwrap_s": 1.0})
    run(slow, TOY, replicates=2, jobs=jobs, progress=listener)
    done = [share for share, _, _ in listener.heard]
    over = [count for _, count, _ in listener.heard]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, 3.0)
    assert any(0 < share < 1 for share in done)
    assert (over[0], over[-1]) == (0, 3)
    assert all(count <= share for share, count in zip(done, over, strict=True))
    assert {tasks for _, _, tasks in listener.heard} == {3}
    assert listener.closed


def test_csv_is_read_by_anything(tmp_path: Path) -> None:
    run(Scenario(), TOY, sweep={"links.area": ["world", "europe"]}, replicates=1, jobs=1, out=tmp_path)
    with (tmp_path / "replicates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["links.area"] for row in rows] == ["world", "world", "europe", "europe"]


def test_numerics_run_on_one_thread_while_a_task_runs() -> None:
    import scipy.linalg  # noqa: F401 (loads its library)

    from simulations.workbench.threads import _loaded, one_thread

    for setter, _ in _loaded():
        setter(2)
    with one_thread():
        assert [threads for _, threads in _loaded()] == [1, 1]  # numpy's and scipy's
    assert [threads for _, threads in _loaded()] == [2, 2]

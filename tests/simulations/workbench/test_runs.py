"""Runs: the API for notebooks, what a folder keeps, and what goes on in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import simulations
from loopixmix.errors import MisuseError
from loopixmix.sweeps.local import WorkerLostError
from simulations import Scenario, change, load_scenario, run
from tests.worlds.toys import LOG

TOY = "tests.worlds.toys:ENGINE"
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


def test_what_an_engine_cannot_do_is_refused_before_anything_is_done(tmp_path: Path, log: Path) -> None:
    with pytest.raises(MisuseError, match=r"with corruption.share=0.5: corruption.share is 0.5: the toy engine knows"):
        run(Scenario(), TOY, sweep={"corruption.share": [0, 0.5]}, jobs=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert lines(log) == []


def test_an_engine_that_measures_what_nobody_knows_is_refused() -> None:
    with pytest.raises(
        MisuseError,
        match='the engine toy measures something that is not in the catalogue: no measure is called "happiness"',
    ):
        run(Scenario(), "tests.worlds.toys:BABBLING", replicates=1, jobs=1)


def test_a_bug_in_an_engine_says_where_it_was_and_keeps_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Scenario(), "tests.worlds.toys:BUGGY", replicates=2, jobs=1, out=tmp_path)
    assert caught.value.__notes__ == ["while running replicate 0 of point 0 with engine tests.worlds.toys:BUGGY"]
    assert json.loads((tmp_path / "manifest.json").read_text())["sessions"][0]["end"] == "failed"


def test_a_process_that_dies_is_said_and_what_is_done_is_kept(tmp_path: Path) -> None:
    with pytest.raises(WorkerLostError, match="died, perhaps for want of memory"):
        run(Scenario(), "tests.worlds.toys:DYING", replicates=4, jobs=2, out=tmp_path)
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

"""The folder of a run: what it keeps, what it refuses, and what is done again."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import msgspec
import pytest

from loopixmix.errors import MisuseError, StoreError
from simulations import Result, Scenario, change, run
from simulations.results.folder import Folder, manifest_now
from simulations.results.manifest import FolderError, Manifest, RunSession, Unfinished, read_manifest
from simulations.results.provenance import code
from simulations.sweep.tasks import Record, Task
from simulations.workbench import runs
from simulations.workbench.runs import plan_of
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
    assert "module tests.worlds.toys" in manifest["inputs"]


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


def test_fewer_replicates_than_are_kept_are_the_first_of_them_and_write_nothing(tmp_path: Path, log: Path) -> None:
    out = tmp_path / "out"
    few = run(Scenario(), TOY, replicates=3, jobs=1)
    run(Scenario(), TOY, replicates=5, jobs=1, out=out)
    log.write_text("")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    found = run(Scenario(), TOY, replicates=3, jobs=1, out=out)
    assert found.to_dataframe().equals(few.to_dataframe())
    assert found.manifest.replicates == 3
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert lines(log) == []
    assert Result.load(out).manifest.replicates == 5


def test_fewer_replicates_than_are_kept_mend_what_is_damaged_of_all(tmp_path: Path, log: Path) -> None:
    out = tmp_path / "out"
    whole = run(Scenario(), TOY, replicates=5, jobs=1, out=out)
    (out / "parts" / "00000-00004.outcome").unlink()
    (out / "replicates.parquet").unlink()
    log.write_text("")
    assert run(Scenario(), TOY, replicates=3, jobs=1, out=out).manifest.replicates == 3
    assert lines(log) == ["0.2 4"]
    assert Result.load(out).manifest.files == whole.manifest.files


def interrupted(out: Path, monkeypatch: pytest.MonkeyPatch, *, replicates: int, after: int) -> None:
    """Run with `replicates` and interrupt it when `after` tasks more are kept."""
    with monkeypatch.context() as patch:
        keep, kept = Folder.keep, []

        def keep_some(self: Folder, task: Task, record: Record) -> None:
            if len(kept) == after:
                raise KeyboardInterrupt
            kept.append(task)
            keep(self, task, record)

        patch.setattr(Folder, "keep", keep_some)
        with pytest.raises(KeyboardInterrupt):
            run(Scenario(), TOY, replicates=replicates, jobs=1, out=out)


def test_more_replicates_that_are_interrupted_leave_the_finished_result_as_it_was(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    finished = run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    interrupted(out, monkeypatch, replicates=6, after=1)
    loaded = Result.load(out)
    assert loaded.to_dataframe().equals(finished.to_dataframe())
    assert (loaded.manifest.replicates, loaded.manifest.tasks_done) == (2, 3)
    assert loaded.manifest.unfinished == Unfinished(replicates=6, tasks=7, tasks_done=4)
    assert [session.end for session in loaded.manifest.sessions] == ["complete", "interrupted"]
    log.write_text("")
    again = run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    assert again.to_dataframe().equals(finished.to_dataframe())
    assert lines(log) == []
    more = run(Scenario(), TOY, replicates=6, jobs=1, out=out)
    assert lines(log) == ["0.2 3", "0.2 4", "0.2 5"]
    assert (more.manifest.replicates, more.manifest.unfinished) == (6, None)


def test_fewer_replicates_than_are_kept_come_with_the_provenance_of_what_is_kept(tmp_path: Path) -> None:
    whole = run(Scenario(), TOY, replicates=3, jobs=1, out=tmp_path).manifest
    elsewhere = msgspec.structs.replace(whole, machine="another machine")
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(elsewhere))
    few = run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path).manifest
    assert (few.machine, few.sessions) == ("another machine", whole.sessions)
    assert (few.replicates, few.scenario.run.replicates, few.tasks, few.tasks_done, few.files) == (2, 2, 3, 3, {})


def test_a_finished_result_without_its_tables_of_text_stays_readable_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    finished = run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    (out / "replicates.csv").unlink()
    interrupted(out, monkeypatch, replicates=6, after=1)
    assert Result.load(out).to_dataframe().equals(finished.to_dataframe())
    run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    assert (out / "replicates.csv").exists()


def test_a_result_that_is_just_being_published_is_read_a_moment_later(tmp_path: Path) -> None:
    few, more = tmp_path / "few", tmp_path / "more"
    run(Scenario(), TOY, replicates=2, jobs=1, out=few)
    run(Scenario(), TOY, replicates=3, jobs=1, out=more)
    folder = Folder(few, plan_of(Scenario(), TOY, replicates=3).manifest)
    try:
        for path in more.iterdir():
            if path.suffix in (".csv", ".parquet", ".toml"):
                path.replace(few / path.name)
        later = threading.Timer(0.03, (more / "manifest.json").replace, (few / "manifest.json",))
        later.start()
        assert Result.load(few).manifest.replicates == 3
        later.join()
        (few / "replicates.parquet").write_bytes(b"PAR1")
        with pytest.raises(FolderError, match=r"replicates\.parquet: was changed"):
            Result.load(few)
    finally:
        folder.close()


def test_fewer_replicates_finish_a_run_that_was_interrupted(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    interrupted(out, monkeypatch, replicates=6, after=3)
    run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    assert Result.load(out).manifest.replicates == 2
    log.write_text("")
    run(Scenario(), TOY, replicates=6, jobs=1, out=out)
    assert lines(log) == [f"0.2 {replicate}" for replicate in (3, 4, 5)]


def test_a_full_disk_leaves_the_finished_result_readable(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finished = run(Scenario(), TOY, replicates=2, jobs=1, out=out)
    # A folder in the place of a file that is written on the way: the last table cannot be written.
    (out / ".distributions.parquet.unfinished").mkdir()
    with pytest.raises(StoreError, match=r"distributions\.parquet: cannot be written"):
        run(Scenario(), TOY, replicates=3, jobs=1, out=out)
    assert Result.load(out).to_dataframe().equals(finished.to_dataframe())


def test_the_manifest_counts_as_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "COUNT_EVERY_S", 0)
    counted = []
    note = Folder.note

    def listen(self: Folder, manifest: Manifest) -> None:
        note(self, manifest)
        written = read_manifest(tmp_path)
        counted.append((written.tasks_done, written.sessions[-1].tasks_done, written.sessions[-1].end))

    monkeypatch.setattr(Folder, "note", listen)
    run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    assert counted == [(done, done, "running") for done in range(4)]


def test_a_session_whose_process_is_gone_was_interrupted(tmp_path: Path) -> None:
    plan = plan_of(Scenario(), TOY, replicates=2)
    folder = Folder(tmp_path, plan.manifest)
    folder.note(msgspec.structs.replace(plan.manifest, sessions=(RunSession(started="then", where="here"),)))
    assert manifest_now(tmp_path).sessions[0].end == "running"
    with pytest.raises(FolderError, match=r"the run goes on just now \(0 of 3 tasks are done\): wait until"):
        Result.load(tmp_path)
    folder.close()
    assert read_manifest(tmp_path).sessions[0].end == "running"
    assert manifest_now(tmp_path).sessions[0].end == "interrupted"
    with pytest.raises(FolderError, match=r"the run is not finished \(0 of 3 tasks are done\): the same command"):
        Result.load(tmp_path)
    result = run(Scenario(), TOY, replicates=2, jobs=1, out=tmp_path)
    assert [session.end for session in result.manifest.sessions] == ["interrupted", "complete"]


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    left = [tmp_path / ".summary.csv.unfinished", tmp_path / "parts" / ".00000-00000.outcome.unfinished"]
    for path in left:
        path.write_bytes(b"half")
    run(Scenario(), TOY, replicates=1, jobs=1, out=tmp_path)
    assert not any(path.exists() for path in left)


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
        (
            {},
            {},
            "tests.worlds.toys:BABBLING",
            "the engine was tests.worlds.toys:ENGINE, is tests.worlds.toys:BABBLING",
        ),
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
        (
            {"inputs": {"module tests.worlds.toys": "0" * 64}},
            "the content of module tests.worlds.toys was 000000000000, is ",
        ),
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

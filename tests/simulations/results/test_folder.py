"""The folder of a run: what it keeps, what it refuses, and what is done again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError, StoreError
from simulations import Result, Scenario, change, run
from simulations.results.folder import Folder
from simulations.results.manifest import FolderError
from simulations.results.provenance import code
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

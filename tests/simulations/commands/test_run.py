"""`loopixmix simulate run` and `scenario`, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopixmix.main import run as run_command
from simulations.main import COMMANDS
from simulations.results import display

TOY = "tests.worlds.toys:ENGINE"
RUN = ("simulate", "run", "default", "--engine", TOY, "--jobs", "1")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_of_the_group_and_of_each_command_imports_no_numerics() -> None:
    code = (
        "import sys\n"
        "from loopixmix.main import run\n"
        "assert run(sys.argv[1:]) == 0\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'pyarrow', 'matplotlib', 'joblib', 'distributed'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    for arguments in ([], ["run"], ["scenario"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "simulate", *arguments, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Usage: loopixmix simulate" in done.stdout


def test_the_overview_names_every_command_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["simulate", "--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name}" in shown
    assert "Run a scenario, or a sweep over it" in shown


def test_the_table_has_intervals_units_and_theory(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "-p", "mix.delay_mean_s=0.1,0.2", "--replicates", "3", "--out", "out"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()]
    (first,) = [row for row in rows if row[:2] == ["latency_mean_s", "0.1"]]
    assert first[3] == "±"
    assert first[5:7] == ["s", first[6]]
    assert float(first[6]) == pytest.approx(0.4)
    assert "Theory" in shown
    assert "Mean ± 95 %" in shown
    assert "Note: toys are no networks." in shown
    assert "3 replicates" in shown
    assert "Kept in out" in shown
    assert Path("out/manifest.json").exists()


def test_one_value_is_set_and_several_are_swept(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["-p", "mix.delay_mean_s=0.5", "-p", "topology.layers=1:3:1", "--seed", "9", "--replicates", "1"]
    assert run_command([*RUN, *arguments, "--json", "--no-save"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [point["values"] for point in printed["points"]] == [{"topology.layers": layers} for layers in (1, 2, 3)]
    means = [point["measures"]["latency_mean_s"] for point in printed["points"]]
    assert [mean["exact"] for mean in means] == pytest.approx([1.0, 1.5, 2.0])
    assert means[0]["low"] is None
    assert set(means[0]) == {"unit", "count", "mean", "sd", "low", "high", "exact"}
    assert printed["folder"] is None
    assert any("one replicate says nothing" in note for note in printed["notes"])
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "replicates"),
    [(["-p", "run.replicates=3"], 3), (["-p", "run.replicates=3", "--replicates", "2"], 2)],
)
def test_a_key_that_is_the_same_for_all_of_a_run_is_set_by_p(
    capsys: pytest.CaptureFixture[str], arguments: list[str], replicates: int
) -> None:
    assert run_command([*RUN, *arguments, "-p", "name=mine", "--json", "--no-save"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["scenario"], printed["replicates"]) == ("mine", replicates)


def test_a_file_may_begin_with_the_mark_of_utf_8(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bom.toml").write_text('name = "mine"\n', encoding="utf-8-sig")
    arguments = ["simulate", "run", "bom.toml", "--engine", TOY, "--jobs", "1", "--replicates", "1", "--no-save"]
    assert run_command(arguments) == 0
    assert "mine, engine" in capsys.readouterr().out


def test_without_out_each_run_has_a_folder_that_the_same_command_finds_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for replicates in ("1", "1", "2"):
        assert run_command([*RUN, "--replicates", replicates]) == 0
    (folder,) = Path("results").iterdir()
    assert folder.name.startswith("default-tests.worlds.toys.ENGINE-")
    assert run_command([*RUN, "--replicates", "1", "--seed", "2"]) == 0
    assert len(list(Path("results").iterdir())) == 2
    assert f"Kept in {folder}" in capsys.readouterr().out


def test_measures_are_shown_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ["-p", "mix.delay_mean_s=0.1,0.2", "--replicates", "2", "--out", "out"]
    assert run_command([*RUN, *sweep, "--measure", "latency_sd_s", "--measure", "entropy_bits"]) == 0
    shown = capsys.readouterr().out
    assert "latency_sd_s" in shown
    assert "latency_mean_s" not in shown
    assert run_command([*RUN, *sweep, "--measure", "all"]) == 0
    shown = capsys.readouterr().out
    assert "latency_sd_s" in shown
    assert "latency_mean_s" in shown


def test_a_measure_that_no_engine_has_is_refused_before_anything_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "--measure", "latency_sd_s", "--measure", "hapiness"]) == 2
    assert 'no measure is called "hapiness" (there are: latency_s, latency_mean_s' in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("attack.fifo.sucess", 'attack.fifo has no figure "sucess" (there are: success, bound, '),
        ("latency_s", "latency_s is a distribution and no figure: "),
    ],
)
def test_a_figure_that_no_run_can_have_is_refused_before_anything_is_run(
    capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    assert run_command(["simulate", "run", "default", "--measure", "all", "--measure", name]) == 2
    assert says in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_an_engine_of_ones_own_may_have_an_attack_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "--no-save", "--replicates", "1", "--measure", "attack.mine.success"]) == 2
    assert "was not measured (there is: latency_mean_s" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(), ("--json",)])
def test_a_measure_that_this_run_has_not_costs_none_of_the_others(
    shape: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([*RUN, *shape, "--no-save", "--measure", "latency_sd_s", "--measure", "epsilon"]) == 2
    shown = capsys.readouterr()
    assert "latency_sd_s" in shown.out
    assert '"epsilon" was not measured (there is: latency_mean_s' in shown.err


def test_a_large_sweep_is_shown_in_brief_and_names_its_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "MOST_ROWS", 8)
    large = [*RUN, "-p", "mix.delay_mean_s=0.1:1:0.1", "--replicates", "1", "--out", "out"]
    assert run_command(large) == 0
    brief = capsys.readouterr().out
    assert "greatest" in brief
    assert " 0.5 " not in brief
    assert "out/summary.csv has all of them" in brief
    assert run_command([*large, "--measure", "all"]) == 0
    assert " 0.5 " not in capsys.readouterr().out
    assert run_command([*large, "--measure", "latency_mean_s"]) == 0
    assert " 0.5 " in capsys.readouterr().out
    assert run_command([*large, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["points"]) == 10


def test_a_folder_that_holds_more_replicates_than_are_shown_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "--replicates", "3", "--out", "out"]) == 0
    assert run_command([*RUN, "--replicates", "1", "--out", "out"]) == 0
    assert capsys.readouterr().out.endswith("Kept in out, whose files hold 3 replicates\n")


def test_a_dry_run_tells_what_a_run_takes_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ["-p", "mix.delay_mean_s=0.1,0.2", "--replicates", "3", "--dry-run"]
    assert run_command([*RUN, *sweep]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"default, engine {TOY}: nothing was run (--dry-run)"
    assert [line.split()[0] for line in lines] == ["points", "tasks", "a", "theory", "memory", "time"]
    assert run_command([*RUN, *sweep, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["points"], printed["tasks"], printed["left"]) == (2, 8, 8)
    assert printed["expected_s"] > 0
    assert list(Path().iterdir()) == []


REFUSALS = [
    (("my.toml",), "my.toml: there is no such file"),
    (("defalt",), 'there is no file "defalt" and no scenario of that name (there are: '),
    (("bad.toml",), "bad.toml: mix.delay_mean_s is -1: must be above 0 and at most 86400 (seconds)"),
    (("default", "-p", "mix.delay_mean_s=-1"), "-p: mix.delay_mean_s is -1: must be above 0 and at most 86400"),
    (("default", "-p", "mix.delay_mean_s=0.1,-1"), "with mix.delay_mean_s=-1: mix.delay_mean_s is -1: must be above 0"),
    (("default", "-p", "mix.delay_mean_s=nan"), "-p: mix.delay_mean_s is nan: must be above 0"),
    (("default", "-p", "mix.dealy=1"), '-p: unknown key "dealy" in [mix] (allowed: delay_mean_s; did you mean'),
    (("default", "-p", "mix.delay_mean_s"), "-p mix.delay_mean_s: must be KEY=VALUE"),
    (("default", "-p", "users.count=2"), "-p: users.contacts (10) must be below users.count (2)"),
    (
        ("default", "-p", "run.replicates=1,2"),
        "it is the same for all of a run: --replicates, or `replicates` in Python, sets it",
    ),
    (("default", "-p", "run.replicates=0"), "-p: run.replicates is 0: must be a whole number from 1 to 100000"),
    (("default", "-p", "mix.delay_mean_s=1", "-p", "mix.delay_mean_s=2"), "mix.delay_mean_s is given twice"),
    (("default", "-p", "corruption.share=0.5"), "default.toml: corruption.share is 0.5: the toy engine knows only 0"),
    (("default", "--engine", "exakt"), 'no engine is called "exakt" (there are: exact, vector, nodes'),
    (("default", "--replicates", "0"), "'--replicates': 0 is not in the range 1<=x<=100000"),
    (("default", "--seed", "-1"), "'--seed': -1 is not in the range"),
    (("default", "--jobs", "0"), "'--jobs': 0 is not in the range"),
    (("default", "--dask", "tcp://127.0.0.1:1"), "give one of them"),
    (("default", "--no-save", "--out", "x"), "--no-save keeps nothing"),
    (("default", "--resume", "--out", "x"), "x: holds no run to go on with: begin it without --resume"),
    (("default", "--out", "bad.toml"), "'--out': Directory 'bad.toml' is a file"),
    (("default", "--out", "bad.toml/x"), "bad.toml/x: cannot be used as a folder: Not a directory"),
]


@pytest.mark.parametrize(("arguments", "expected"), REFUSALS, ids=[" ".join(arguments) for arguments, _ in REFUSALS])
def test_bad_input_is_one_clear_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    Path("bad.toml").write_text("[mix]\ndelay_mean_s = -1\n")
    assert run_command(["simulate", "run", "--engine", TOY, "--jobs", "1", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert expected in printed.err
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err


def test_a_fault_of_the_engine_names_the_file_and_the_point(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.toml").write_text('name = "mine"')
    arguments = ["simulate", "run", "mine.toml", "--engine", TOY, "-p", "corruption.share=0,0.5"]
    assert run_command(arguments) == 2
    assert "mine.toml: with corruption.share=0.5: corruption.share is 0.5" in capsys.readouterr().err


def test_resume_goes_on_with_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "--replicates", "2", "--out", "out"]) == 0
    assert run_command([*RUN, "--replicates", "2", "--out", "out", "--resume"]) == 0
    assert run_command([*RUN, "--replicates", "2", "--out", "out", "--resume", "-p", "mix.delay_mean_s=1"]) == 2
    assert "out: keeps another run: mix.delay_mean_s was 0.2, is 1 (" in capsys.readouterr().err


def test_scenario_lists_what_comes_along(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["simulate", "scenario"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("default ") and "every key" in line.lower() for line in shown)
    assert run_command(["simulate", "scenario", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [line.split()[0] for line in shown] == list(listed)


def test_what_scenario_prints_is_a_scenario_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["simulate", "scenario", "default"]) == 0
    Path("my.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert run_command(["simulate", "run", "my.toml", "--engine", TOY, "--jobs", "1", "--replicates", "1"]) == 0
    assert run_command(["simulate", "scenario", "my.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("Kept in")[2].partition("\n")[2])["mix"] == {
        "delay_mean_s": 0.2
    }
    assert run_command(["simulate", "scenario", "absent"]) == 2
    assert 'no file "absent"' in capsys.readouterr().err

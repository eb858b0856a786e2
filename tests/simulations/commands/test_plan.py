"""`loopixmix simulate plan` as a user meets it, and its page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from loopixmix.main import run
from simulations.commands.plan import KINDS
from simulations.main import simulate
from simulations.planner.wishes import LatencyKind
from simulations.scenario import load_scenario
from tests.worlds.simulations.planning_page import PAGE, answers, printed
from tests.worlds.simulations.wish_grid import PROMISED, options_of, wish

WISHES = ["--users", "2000", "--bits", "12", "--latency", "5", "--packet-cost-s", "71e-6"]


def plan(*options: str) -> int:
    return run(["plan", *options], command=simulate)


def test_a_plan_fits_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulations.commands.plan.PIPED_COLUMNS", 80)
    assert plan(*WISHES, "--no-front") == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    for words in ("2,000 users", ">= 12 bits", "95 % <= 5 s", "lambda c / rho <= W <= lambda theta / 25", "EUR"):
        assert words in shown


def test_programs_get_the_verdict_and_all_of_the_plan(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulations.planner.front.LATENCY_FACTORS", (1.0, 2.0))
    assert plan(*WISHES, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is True
    assert {check["name"] for check in answer["checks"]} == {"entropy_bits", "delivery-p95"}
    assert all(set(check) == {"name", "passed", "value", "expected", "detail"} for check in answer["checks"])
    assert answer["figures"]["entropy_bits"] >= 12 - 0.005
    assert (
        answer["plan"]["width_interval"]["least"] <= answer["plan"]["width"] <= answer["plan"]["width_interval"]["most"]
    )
    assert answer["packet_cost"]["source"] == "given"
    assert answer["front"]


def test_the_plan_is_a_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.toml"
    assert plan(*WISHES, "--no-front", "--json", "--scenario", str(path)) == 0
    answer = json.loads(capsys.readouterr().out)
    scenario = load_scenario(path)
    assert scenario.topology.mixes_per_layer == answer["plan"]["width"]
    assert scenario.mix.delay_mean_s == answer["plan"]["delay_mean_s"]
    assert "2,000 users" in scenario.description
    assert run(["run", str(path), "--engine", "exact", "--no-save", "--json", "--quiet"], command=simulate) == 0


@pytest.mark.parametrize(
    ("users", "kind", "engine"),
    [
        (2, "plain", ""),
        pytest.param(2, "busy", "nodes", marks=pytest.mark.long),
        (10, "asking", ""),
        (50, "busy", ""),
        (200, "seldom there", ""),
        (700, "plain", ""),
        (20_000_000, "busy", "exact"),
        pytest.param(3000, "busy", "", marks=pytest.mark.long),
        pytest.param(50, "asking", "nodes", marks=pytest.mark.long),
        pytest.param(50, "seldom writing", "", marks=pytest.mark.long),
    ],
)
def test_the_command_that_is_told_runs_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], users: int, kind: str, engine: str
) -> None:
    wishes = wish(users, kind)
    path = tmp_path / "plan.toml"
    assert plan(*options_of(wishes), "--packet-cost-s", "71e-6", "--no-front", "--scenario", str(path)) == 0
    told = re.search(r"`loopixmix simulate (.*?)`", capsys.readouterr().err)
    assert told is not None
    command = told[1].split()
    if engine == "exact":
        assert command[-2:] == ["--engine", "exact"]
    elif engine:
        command += ["--engine", engine]
    assert run([*command, "--replicates", "1", "--jobs", "1", "--no-save", "--json", "--quiet"], command=simulate) == 0
    printed = json.loads(capsys.readouterr().out)
    measures = printed["points"][0]["measures"]
    assert measures["entropy_bits"]["mean"] > wishes.bits - 1
    assert measures[PROMISED[wishes.latency_kind]]["mean"] > 0
    if engine == "nodes":
        assert ("request_mean_s" in measures) == (kind == "asking")


def test_what_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("mine")
    assert plan(*WISHES, "--no-front", "--scenario", str(path)) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert plan(*WISHES, "--no-front", "--scenario", str(path), "--force") == 0
    assert load_scenario(path).users.count == 2000
    assert plan(*WISHES, "--no-front", "--scenario", str(tmp_path / "no" / "plan.toml")) == 2


def test_what_cannot_be_had_is_an_answer_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(*WISHES, "--budget", "0.01") == 1
    shown = capsys.readouterr().out
    assert "conflict" in shown
    assert "What comes nearest" in shown
    assert plan(*WISHES, "--budget-month", "20", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is False
    assert answer["conflict"] == answer["checks"][0]["detail"]
    assert {nearest["wish"] for nearest in answer["nearest"]} <= {"budget", "latency", "bits", "users"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--users", "1"], "users must be 2 to"),
        (["--bits", "nan"], "bits must be"),
        (["--latency", "-1"], "latency must be"),
        (["--layers", "9"], "layers must be 1 to 8"),
        (["--utilisation", "1"], "utilisation must be"),
        (["--budget", "1", "--budget-month", "2"], "give one of them"),
        (["--core-month", "-1"], "must not be negative"),
        (["--latency-of", "median"], "median"),
        (["--packet-cost-s", "0"], "packet cost must be"),
    ],
)
def test_misuse_is_one_clear_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert plan(*WISHES, *options) == 2
    complaint = capsys.readouterr().err
    assert words in complaint
    assert len(complaint.splitlines()) == 1


def test_the_command_knows_the_kinds_of_latency() -> None:
    assert get_args(LatencyKind) == KINDS


def test_other_prices_are_dated_by_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(*WISHES, "--no-front", "--json", "--core-month", "0", "--traffic-gb", "0") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["figures"]["cost_month"] == 0
    assert answer["terms"]["prices"]["date"] == "the command line"


PAGE_TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [command for command, _ in answers(PAGE_TEXT)])
def test_the_page_shows_what_the_commands_print(command: str) -> None:
    [shown] = [answer for each, answer in answers(PAGE_TEXT) if each == command]
    assert printed(command) == shown, "run python -m tests.worlds.simulations.planning_page"


def test_the_page_answers_for_the_three_sizes() -> None:
    commands = [command for command, _ in answers(PAGE_TEXT)]
    for users in ("90000", "200000", "1000000"):
        assert any(f"--users {users} " in command for command in commands)

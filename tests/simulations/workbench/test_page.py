"""The commands and the Python of `docs/simulations.md` work as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from loopixmix.main import run as run_command
from simulations.scenario import parse_scenario, shipped

PAGE = (Path(__file__).parents[3] / "docs" / "simulations.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (loopixmix simulate .+)$", PAGE, flags=re.MULTILINE)
QUICK = ("-p", "run.duration_s=1", "-p", "run.warm_up_s=1", "-p", "run.drain_s=1", "-p", "run.targets=5")


def test_the_page_has_commands() -> None:
    assert len([command for command in COMMANDS if " run " in command]) >= 4


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_works(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runs as it stands, but shorter, with few replicates and users, and without a cluster."""
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text('name = "mine"\n')
    words = shlex.split(command.partition(">")[0])[1:]
    if words[1] == "run":
        words = _shorter(words)
    elif words[1] != "scenario":
        words = [*words[:2], "--help"]
    assert run_command(words) == 0, capsys.readouterr().err


def _shorter(words: list[str]) -> list[str]:
    for option in ("--replicates", "--dask"):
        if option in words:
            place = words.index(option)
            del words[place : place + 2]
    cores = ("--jobs", "1", "--replicates", "1", "--no-save")
    users = () if words[2] in shipped() else ("-p", "users.count=20")
    return [*words, *QUICK, *users, *cores]


def test_the_scenario_of_the_page_is_one() -> None:
    block = re.search(r'^    name = "mine"\n(?:(?:    .*)?\n)+', PAGE, flags=re.MULTILINE)
    assert block is not None
    text = "\n".join(line[4:] for line in block[0].splitlines())
    assert parse_scenario(text, source="page").links.area == "europe"


def test_the_python_of_the_page_runs() -> None:
    # One after the other, as the cells of a notebook.
    block = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))
    short = block.replace("engine=", "jobs=1, engine=").replace("replicates=4", "replicates=2")
    names: dict[str, object] = {}
    exec(compile(short, "docs/simulations.md", "exec"), names)
    assert {"result", "sweep_figure"} <= set(names)


def test_the_files_and_columns_of_the_page_are_those_of_a_run(tmp_path: Path) -> None:
    from simulations import Scenario, run

    run(Scenario(), "tests.worlds.toys:ENGINE", replicates=2, jobs=1, out=tmp_path)
    rows = dict(re.findall(r"^\| `([\w./]+)`.*?\| (.*) \|$", PAGE, flags=re.MULTILINE))
    for name, text in rows.items():
        assert (tmp_path / name).exists(), name
        if name.endswith(".csv"):
            columns = (tmp_path / name).read_text().partition("\n")[0].split(",")
            assert set(re.findall(r"`(\w+)`", text)) - {"exact"} <= set(columns), name
    assert {"manifest.json", "parts/"} <= set(rows)

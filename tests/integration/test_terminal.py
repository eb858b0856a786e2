"""Somebody at a terminal: what tests of applications see and read of their commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.worlds.terminal import COLUMNS, Terminal

PROJECT = """
[project]
name = "loopixmix-hello"
[project.entry-points."loopixmix.commands"]
hello = "hello:hello"
"""
HELLO = """
import json, os, pathlib, sys, time
import click

@click.group()
def hello():
    "Say hello."

@hello.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("--wrong", is_flag=True)
def judge(as_json, wrong):
    check = {"name": "all is well", "passed": not wrong, "value": 1.0, "expected": "yes"}
    click.echo(json.dumps({"passed": not wrong, "checks": [check], "figures": {"apples": 3.0}}))
    sys.exit(1 if wrong else 0)

@hello.command()
@click.option("--json", "as_json", is_flag=True)
def lie(as_json):
    click.echo(json.dumps({"passed": False, "checks": [], "figures": {}}))

@hello.command()
@click.option("--json", "as_json", is_flag=True)
def where(as_json):
    click.echo(json.dumps({"home": str(pathlib.Path.home()), "marked": "MARKED" in os.environ, "in": os.getcwd()}))

@hello.command()
def screen():
    click.echo(f"{sys.stdout.isatty()} {os.get_terminal_size().columns}")
    for share in range(3):
        click.echo(f"\\r{share} of 2", nl=False)
    click.secho("\\n" + "green", fg="green")

@hello.command()
def echo():
    click.echo(sys.stdin.read().upper())

@hello.command()
def wait():
    print("waiting", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def user(terminal: Terminal, tmp_path: Path) -> Terminal:
    """Somebody who has installed an application with a command."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "hello.py").write_text(HELLO)
    terminal.install(source)
    return terminal


def test_the_command_of_an_installed_application_is_one_of_loopixmix(user: Terminal) -> None:
    assert ["hello"] in [line.split()[:1] for line in user.run("--help").splitlines()]
    assert user.run("hello", "echo", stdin="abc") == "ABC\n"


def test_it_runs_in_a_home_and_an_environment_of_its_own(user: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKED", "1")
    assert user.json("hello", "where") == {"home": str(user.home), "marked": False, "in": str(user.home)}


def test_a_verdict_is_read_and_held_against_the_exit_code(user: Terminal) -> None:
    verdict = user.verdict("hello", "judge")
    assert (verdict.passed, verdict.figures) == (True, {"apples": 3.0})
    assert not user.verdict("hello", "judge", "--wrong").passed
    with pytest.raises(AssertionError):
        user.verdict("hello", "lie")


def test_a_command_that_fails_is_told_with_its_reason(user: Terminal) -> None:
    with pytest.raises(AssertionError, match="No such command"):
        user.run("hello", "nothing")
    assert user.attempt("hello", "nothing").returncode == 2


def test_the_screen_shows_what_a_user_sees(user: Terminal) -> None:
    assert user.look("hello", "screen") == [f"True {COLUMNS}", "2 of 2", "green"]


def test_patience_ends_and_so_does_the_command(user: Terminal) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        user.run("hello", "wait", patience_s=3.0)
    with pytest.raises(TimeoutError, match="waiting"):
        user.look("hello", "wait", patience_s=3.0)


def test_what_goes_on_is_ended_with_the_terminal(user: Terminal) -> None:
    process = user.start("hello", "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    user.close()
    assert process.returncode is not None

"""The command line's frame: lazy commands, one-line errors, exit codes."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

from loopixmix.errors import ConfigError, MisuseError, UnavailableError
from loopixmix.main import COMMANDS_GROUP, EntryPointGroup, installed_commands, loopixmix, run

COMMANDS = '''
"""Commands of a test."""

import click

from loopixmix.errors import ConfigError


@click.group()
def tool() -> None:
    """Do something useful.

    At length.
    """


@tool.command()
@click.option("--fail", is_flag=True)
def go(fail: bool) -> None:
    """Go."""
    if fail:
        raise ConfigError("the file is wrong")
    click.echo("gone")


no_command = 3
other = click.Command("other")
'''


FULL = "loopixmix: standard output cannot be written: No space left on device\n"


def entry_point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=COMMANDS_GROUP)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EntryPointGroup:
    (tmp_path / "example_commands.py").write_text(COMMANDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "example_commands", raising=False)
    return EntryPointGroup(
        "loopixmix",
        help="Help.",
        find=lambda: [
            entry_point("tool", "somewhere_else:tool"),
            entry_point("tool", "example_commands:tool"),
            entry_point("gone", "no_such_module:x"),
            entry_point("lost", "example_commands:lost"),
            entry_point("number", "example_commands:no_command"),
            entry_point("other", "example_commands:other"),
        ],
    )


def test_the_overview_imports_no_command(group: EntryPointGroup, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"], command=group) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["tool", "Do something useful"] in lines
    assert ["other", "Commands of a test"] in lines
    assert ["gone", "(not installed)"] in lines
    assert "example_commands" not in sys.modules


def test_a_command_runs_and_its_errors_become_one_line(
    group: EntryPointGroup, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tool", "go"], command=group) == 0
    assert capsys.readouterr().out == "gone\n"
    assert run(["tool", "go", "--fail"], command=group) == 2
    assert capsys.readouterr().err == "loopixmix: the file is wrong\n"


@pytest.mark.parametrize(
    ("name", "text"), [("gone", "No module named"), ("lost", "has no attribute"), ("number", "is no click command")]
)
def test_a_command_that_cannot_be_loaded_says_so(
    group: EntryPointGroup, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    assert run([name], command=group) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'loopixmix: the command "{name}" cannot be loaded: ')
    assert text in error
    assert error.count("\n") == 1


def test_an_unknown_command_or_option_is_misuse(group: EntryPointGroup, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["walk"], command=group) == 2
    assert "No such command 'walk'" in capsys.readouterr().err
    assert run(["tool", "go", "--fast"], command=group) == 2
    assert "No such option" in capsys.readouterr().err


def raiser(error: BaseException) -> Callable[[], None]:
    def callback() -> None:
        raise error

    return callback


@pytest.mark.parametrize(
    ("error", "exit_code", "text"),
    [
        (MisuseError("that is\nnot possible"), 2, "loopixmix: that is not possible\n"),
        (ConfigError(), 2, "loopixmix: The configuration is wrong.\n"),
        (UnavailableError("nobody is there"), 1, "loopixmix: nobody is there\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (click.exceptions.Exit(7), 7, ""),
        (click.ClickException("no"), 1, "loopixmix: no\n"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    error: BaseException, exit_code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([], command=click.Command("fails", callback=raiser(error))) == exit_code
    assert capsys.readouterr().err == text


@pytest.mark.parametrize("words", [["client", "status", "none"], ["provider", "--help"]])
def test_a_file_of_the_user_that_has_the_name_of_our_package_is_named(tmp_path: Path, words: list[str]) -> None:
    own = tmp_path / f"{words[0]}.py"
    own.write_text("print('mine')\n")
    # As for somebody who has PYTHONPATH set, or runs a program that lies beside that file.
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from loopixmix.main import run; sys.exit(run({words}))"
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path
    )
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert f"{own} stands in the way of loopixmix's own package `{words[0]}`: rename it" in answer.stderr


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run([], command=click.Command("fails", callback=raiser(ZeroDivisionError())))


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["simulate", "scenario"], ["simulate", "scenario", "default"]]
)
def test_standard_output_that_is_full_is_one_line(arguments: list[str], buffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, "-P", "-m", "loopixmix.main", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": buffered},
            text=True,
            check=False,
            timeout=30,
        )
    assert answer.stderr == FULL
    assert answer.returncode == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: a file cannot be written"),
        (OSError(errno.ENOSPC, "No space left on device", "out.csv"), "the disk is full: 'out.csv': cannot be used"),
        (PermissionError(errno.EACCES, "Permission denied", b"x\xff"), "'x\\udcff': cannot be used: Permission denied"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(error: OSError, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], command=click.Command("fails", callback=raiser(error))) == 1
    assert capsys.readouterr().err == f"loopixmix: {line}\n"


def test_an_error_of_no_file_is_a_defect() -> None:
    with pytest.raises(OSError, match="refused"):
        run([], command=click.Command("fails", callback=raiser(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))))


def written(text: str) -> Callable[[], None]:
    return lambda: print(text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_is_escaped(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding, errors="strict"))
    assert run([], command=click.Command("shows", callback=written("\u2713 na\xefve x\udcff"))) == 0
    lost = "\u2713" if encoding == "utf-8" else "\\u2713"
    naive = "na\\xefve" if encoding == "ascii" else "na\xefve"
    assert shown.getvalue().decode(encoding) == f"{lost} {naive} x\\udcff\n"


@pytest.mark.parametrize(
    "words",
    [
        ["authority", "init", "{}", "--url", "http://y\udcff"],
        ["stats", "new", "{}/x", "--collector", "y\udcff"],
        ["stats", "issuer", "init", "{}/x", "--store", "y\udcff"],
    ],
)
def test_an_argument_that_is_no_utf8_is_named(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([word.format(tmp_path) for word in words]) == 2
    told = capsys.readouterr().err
    assert told.startswith("loopixmix: ")
    assert "y\\udcff" in told
    assert told.count("\n") == 1


def test_a_name_that_is_no_utf8_is_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["authority", "init", str(tmp_path / "x\udcff")]) == 0
    assert (tmp_path / "x\udcff" / "network.toml").exists()
    assert "x\\udcff" in capsys.readouterr().out


def test_a_text_that_cannot_be_encoded_for_another_reason_is_a_defect() -> None:
    with pytest.raises(UnicodeEncodeError):
        run([], command=click.Command("fails", callback=lambda: "\u2713".encode("ascii") and None))


def lines_of(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words of a command and of all below it."""
    yield words
    for name, each in command.commands.items() if isinstance(command, click.Group) else ():
        yield from lines_of(each, (*words, name))


@pytest.mark.parametrize("name", sorted({each.name for each in installed_commands()}))
def test_every_command_explains_itself_on_any_terminal_and_fails_in_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = loopixmix.get_command(click.Context(loopixmix), name)
    assert command is not None
    for words in lines_of(command, (name,)):
        ours, reader_gone = os.pipe()
        os.close(ours)
        shown, told = io.BytesIO(), io.BytesIO()
        outputs = [
            (io.TextIOWrapper(shown, encoding="ascii"), 0, b""),
            (os.fdopen(os.open("/dev/full", os.O_WRONLY), "w"), 1, FULL.encode()),
            (os.fdopen(reader_gone, "w"), 1, b""),
        ]
        for output, exit_code, line in outputs:
            told = io.BytesIO()
            stderr = ClosesNothing(told, encoding="ascii", write_through=True)
            monkeypatch.setattr(sys, "stdout", output)
            monkeypatch.setattr(sys, "stderr", stderr)
            assert (run([*words, "--help"]), told.getvalue()) == (exit_code, line), words
            monkeypatch.undo()
            with contextlib.suppress(BrokenPipeError):
                output.close()


class ClosesNothing(io.TextIOWrapper):
    """What was told on standard error, also if that was closed."""

    def close(self) -> None:
        self.flush()


def test_help_is_quick_in_a_new_process() -> None:
    started_s = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-P", "-m", "loopixmix.main", "--help"], capture_output=True, text=True, check=True, timeout=30
    )
    assert "Run and use a Loopix mix network" in answer.stdout
    assert time.monotonic() - started_s < 5

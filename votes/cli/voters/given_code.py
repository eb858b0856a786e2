"""A voter's code as it comes to the command: asked for, from a file, or on the command line, where it is hidden."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import VoteOutside
from votes.credentials.codes import read_code

MOST_LETTERS = 200
"""Of what is read: a code, with spaces and hyphens. It fits into a pipe, so that writing it there waits for nobody."""
ASKED = "-"
"""In the place of a code: it is asked for."""
DESCRIPTORS = Path("/dev/fd")
HINT = "the shell's history keeps the code; leave it out the next time, and the command asks for it"


def code_of_voter(word: str, file: Path | None, outside: VoteOutside) -> str:
    """Return the code. `word`: what stands in its place on the command line; `file`: has it in its first line.

    If the code itself stands there, this process is replaced by one on whose command line it does not stand.
    Raises `MisuseError`, also `CodeError` if the code is mistyped.
    """
    if word != ASKED:
        if file is not None:
            raise MisuseError("the code is given twice: on the command line, and by --code-file")
        read_code(word)
        _hide(word, outside)
        return word
    code = _asked() if file is None else _first_line(file)
    read_code(code)
    return code


def without_code(command: Sequence[str], code: str, descriptor: int) -> list[str]:
    """Return a command line on which the code does not stand: it is read from a descriptor that is handed over."""
    first = command.index(code)
    hidden = [ASKED if word == code else word for word in command]
    return [*hidden[: first + 1], "--code-file", str(DESCRIPTORS / str(descriptor)), *hidden[first + 1 :]]


def _hide(code: str, outside: VoteOutside) -> None:
    """Start this program anew with the code in a pipe: everybody on the machine can list the words of a process."""
    if code not in outside.command:
        return
    click.echo(HINT, err=True)
    if not DESCRIPTORS.is_dir():
        click.echo("while this runs, everybody on this machine can see the code in the list of processes", err=True)
        return
    read, write = os.pipe()
    os.write(write, code.encode())
    os.close(write)
    os.set_inheritable(read, True)
    sys.stdout.flush()
    sys.stderr.flush()
    outside.become(without_code(outside.command, code, read))


def _asked() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("code", hide_input=True))
    return _bounded(sys.stdin.readline(MOST_LETTERS + 1), "standard input")


def _first_line(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            line = opened.readline(MOST_LETTERS + 1)
    except OSError as error:
        raise MisuseError(f"{file}: cannot be read: {error.strerror}") from error
    return _bounded(line, str(file))


def _bounded(line: str, where: str) -> str:
    code = line.strip()
    if not code or len(code) > MOST_LETTERS:
        raise MisuseError(f"{where}: there is no code in the first line")
    return code

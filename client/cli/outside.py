"""The things that the commands share: the way to the daemon, what they take, and how they print."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

import click

from client.cli.moments import Moment
from loopixmix.errors import MisuseError
from loopixmix.seams import Rng

if TYPE_CHECKING:
    import msgspec
    from rich.console import Console, RenderableType

    from client.cli.command_run import CommandRun

T = TypeVar("T")

PIPED_WIDTH = 200
"""How wide tables are for a reader that is no terminal; text is not broken at all."""

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
MOMENT = Moment(time.time)
FILE = click.option("--file", "file", type=click.File("rb"), help="Take the content of this file.")


class Converse(Protocol):
    """Does some work with the daemon of a directory; see `client.cli.command_run.converse`."""

    def __call__(self, directory: Path, work: Callable[[CommandRun], Awaitable[T]], /) -> T:
        """Return what the work returns."""


@dataclass(frozen=True)
class Outside:
    """The outside of the commands, which `client.main` gives them: a reactor that runs, the system's randomness."""

    converse: Converse
    rng: Rng


def outside() -> Outside:
    """Return the outside of the command that runs."""
    found = click.get_current_context().find_object(Outside)
    if found is None:
        raise MisuseError("this command belongs into the group of client.main, which gives it an outside")
    return found


def converse(directory: Path, work: Callable[[CommandRun], Awaitable[T]]) -> T:
    """Do `work` with the daemon of `directory`, and return its result."""
    return outside().converse(directory, work)


def body_of(text: str | None, file: IO[bytes] | None) -> bytes:
    """Return what a command is to send: the text, the file, or what comes at standard input."""
    if file is not None and text is not None:
        raise click.UsageError("give TEXT or --file, not both")
    if file is not None:
        return file.read()
    # Nothing at all is mostly a forgotten word, and what was sent cannot be taken back.
    if text is None:
        raise click.UsageError(
            'there is nothing to send: give TEXT, --file FILE, - for standard input, or "" for nothing'
        )
    return sys.stdin.buffer.read() if text == "-" else text.encode()


def show_json(value: msgspec.Struct | Sequence[msgspec.Struct]) -> None:
    """Print a value for programs."""
    import msgspec

    click.echo(msgspec.json.encode(value))


def show(renderable: RenderableType) -> None:
    """Print something for people, or for a pipe."""
    terminal = console(sys.stdout)
    if terminal.is_terminal:
        return terminal.print(renderable)
    terminal.width = PIPED_WIDTH
    with terminal.capture() as capture:
        terminal.print(renderable, soft_wrap=True)
    return click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def console(stream: IO[str]) -> Console:
    """Return a terminal, or what stands for it."""
    from rich.console import Console

    return Console(file=stream, highlight=False)

"""What the commands of `loopixmix stats` share: reactor, randomness and time of `stats.main`, options, the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

Work: TypeAlias = "Callable[[PosixReactorBase], Awaitable[None]]"

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
MOST_COLUMNS = 100
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@dataclass(frozen=True)
class StatsOutside:
    """The outside of the commands. `now_s`: the time of day, in seconds since the Unix epoch."""

    rng: Rng
    now_s: Callable[[], float]
    perform: Callable[[Work], None]
    """Does some work on a reactor that runs only for it; returns when that is done, and raises what it raises."""


def stats_outside() -> StatsOutside:
    """Return the outside of the command that runs."""
    found = click.get_current_context().find_object(StatsOutside)
    if found is None:
        raise MisuseError("this command belongs into the group of stats.main, which gives it an outside")
    return found


def wrapped(line: str) -> str:
    """Return a line in lines that fit into the terminal, indented as it is."""
    width = min(shutil.get_terminal_size().columns, MOST_COLUMNS)
    # What has no spaces, such as a link, stays whole.
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * (len(line) - len(line.lstrip())),
        break_long_words=False,
        break_on_hyphens=False,
    )

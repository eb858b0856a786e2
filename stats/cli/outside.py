"""What the commands of `loopixmix stats` get from `stats.main`: a reactor, randomness, the time."""

from __future__ import annotations

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

"""What the commands of `loopixmix vote` get from `votes.main`: a reactor, randomness, the time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
PUBLISHED = click.argument(
    "published", metavar="PUBLISHED", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
OUT = click.argument("out", metavar="OUT", type=click.Path(path_type=Path, file_okay=False))
DASK = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Share the shuffles with the Dask cluster whose scheduler is there, and believe it.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class PerformOnce(Protocol):
    """Does some work on a reactor that runs only for it."""

    def __call__(self, work: Callable[[PosixReactorBase], Awaitable[None]], /) -> None:
        """Return when the work is done; raise what it raises."""


@dataclass(frozen=True)
class VoteOutside:
    """The outside of the commands. `now_s`: the time of day, in seconds since the Unix epoch."""

    rng: Rng
    now_s: Callable[[], float]
    pause: Callable[[float], None]
    """Waits for so many seconds."""
    perform: PerformOnce
    command: Sequence[str]
    """The words of this process, the interpreter's own among them."""
    become: Callable[[Sequence[str]], object]
    """Replaces this process by another command of the same interpreter."""


def vote_outside() -> VoteOutside:
    """Return the outside of the command that runs."""
    found = click.get_current_context().find_object(VoteOutside)
    if found is None:
        raise MisuseError("this command belongs into the group of votes.main, which gives it an outside")
    return found

"""What the commands of `loopixmix vote` get from `votes.main`: randomness and the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
PUBLISHED = click.argument(
    "published", metavar="PUBLISHED", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
OUT = click.argument("out", metavar="OUT", type=click.Path(path_type=Path, file_okay=False))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@dataclass(frozen=True)
class VoteOutside:
    """The outside of the commands. `now_s`: the time of day, in seconds since the Unix epoch."""

    rng: Rng
    now_s: Callable[[], float]
    pause: Callable[[float], None]
    """Waits for so many seconds."""


def vote_outside() -> VoteOutside:
    """Return the outside of the command that runs."""
    found = click.get_current_context().find_object(VoteOutside)
    if found is None:
        raise MisuseError("this command belongs into the group of votes.main, which gives it an outside")
    return found

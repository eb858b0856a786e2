"""What the commands of `loopixmix mail` get from `leap_plugin.main`: a reactor, randomness, the time."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

T = TypeVar("T")

BRIDGE = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def _is_terminal() -> bool:
    return sys.stdin.isatty()


class Perform(Protocol):
    """Does some work on a reactor that runs only for it."""

    def __call__(self, work: Callable[[PosixReactorBase], Awaitable[T]], /) -> T:
        """Return what the work returns."""


@dataclass(frozen=True)
class MailOutside:
    """The outside of the commands.

    `now_s`: the time of day, in seconds since the Unix epoch. `is_asking`: whether somebody is there to be asked.
    """

    perform: Perform
    rng: Rng
    now_s: Callable[[], float]
    is_asking: Callable[[], bool] = _is_terminal


def mail_outside() -> MailOutside:
    """Return the outside of the command that runs."""
    found = click.get_current_context().find_object(MailOutside)
    if found is None:
        raise MisuseError("this command belongs into the group of leap_plugin.main, which gives it an outside")
    return found

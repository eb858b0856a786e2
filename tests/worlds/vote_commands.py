"""The commands of `loopixmix vote`, run in this process."""

from __future__ import annotations

import random
from pathlib import Path

from click.testing import CliRunner, Result

from loopixmix.errors import LoopixmixError
from votes.cli.outside import PerformOnce, VoteOutside
from votes.main import vote


def _no_reactor(work: object) -> None:
    raise AssertionError("this command needs no board")


class VoteCommands:
    """Somebody who types commands. `path`: where their folders are. `now_s`: what their clock says, if it is theirs."""

    def __init__(self, path: Path, *, now_s: float | None = None, perform: PerformOnce = _no_reactor) -> None:
        self.path = path
        self.now_s = now_s
        self.perform = perform

    def run(self, *arguments: object, given: str = "") -> Result:
        """Run a command, whatever comes of it."""
        outside = None
        if self.now_s is not None:
            now_s = self.now_s
            outside = VoteOutside(
                rng=random.SystemRandom(),
                now_s=lambda: now_s,
                pause=lambda _: None,
                perform=self.perform,
                command=(),
                become=lambda _: None,
            )
        return CliRunner().invoke(vote, [str(argument) for argument in arguments], input=given, obj=outside)

    def good(self, *arguments: object, given: str = "") -> str:
        """Run a command that succeeds, and return what it says."""
        result = self.run(*arguments, given=given)
        if result.exception is not None:
            raise result.exception
        return result.output

    def refused(self, *arguments: object, given: str = "") -> str:
        """Run a command that fails with one of our errors, and return the error."""
        result = self.run(*arguments, given=given)
        assert isinstance(result.exception, LoopixmixError), result.exception
        return str(result.exception)

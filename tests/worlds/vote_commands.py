"""The commands of `loopixmix vote`, run in this process."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from loopixmix.errors import LoopixmixError
from votes.main import vote


class VoteCommands:
    """Somebody who types commands. `path`: where their folders are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: object, given: str = "") -> Result:
        """Run a command, whatever comes of it."""
        return CliRunner().invoke(vote, [str(argument) for argument in arguments], input=given)

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

"""The commands of `loopixmix stats`, run in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from loopixmix.errors import LoopixmixError
from stats.main import stats


def run(*arguments: object) -> Result:
    """Run a command, whatever comes of it."""
    return CliRunner().invoke(stats, [str(argument) for argument in arguments])


def good(*arguments: object) -> str:
    """Run a command that succeeds, and return what it says."""
    result = run(*arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def refused(*arguments: object) -> str:
    """Run a command that fails with one of our errors, and return the error."""
    result = run(*arguments)
    assert isinstance(result.exception, LoopixmixError), result.exception
    return str(result.exception)

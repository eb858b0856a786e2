"""One conversation of a command with the daemon, on a reactor that runs only for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.task import deferLater

from client.api import NotRunningError
from client.remote import RemoteClient, remote_client
from loopixmix.process.eventloops import perform_on
from loopixmix.seams import Rng

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

APPEARANCE_POLL_S = 0.2

T = TypeVar("T")


class CommandRun:
    """The client and the time, as the work of a command gets them."""

    def __init__(self, client: RemoteClient, reactor: PosixReactorBase) -> None:
        """Talk with `client` while `reactor` runs."""
        self.client = client
        self._reactor = reactor

    def seconds(self) -> float:
        """Return the present time."""
        return self._reactor.seconds()

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await deferLater(self._reactor, seconds, lambda: None)  # type: ignore[arg-type]  # zope interfaces

    async def daemon(self, *, within_s: float) -> None:
        """Return once the daemon answers; raise `NotRunningError` if it does not in time."""
        deadline_s = self.seconds() + within_s
        while True:
            try:
                await self.client.status()
            except NotRunningError:
                if self.seconds() > deadline_s:
                    raise
            else:
                return
            await self.pause(APPEARANCE_POLL_S)


def converse(directory: Path, work: Callable[[CommandRun], Awaitable[T]], *, reactor: PosixReactorBase, rng: Rng) -> T:
    """Do `work` with the daemon of `directory` and return its result.

    Raises what it raises, `ConfigError` if `directory` is no client's, `click.Abort` if the user interrupts.
    """
    client = remote_client(directory, reactor=reactor, rng=rng)

    async def run(reactor: PosixReactorBase) -> T:
        try:
            return await work(CommandRun(client, reactor))
        finally:
            client.close()

    try:
        return perform_on(reactor, run)
    except NotRunningError as error:
        raise _not_running(directory, error) from error


def _not_running(directory: Path, error: NotRunningError) -> NotRunningError:
    from client.directory.configuration import check_client
    from client.http.endpoint import find_endpoint

    check_client(directory)
    try:
        find_endpoint(directory)
    except NotRunningError:
        return NotRunningError(
            f"the client of {directory} is not running: start it with  loopixmix client run {directory}"
        )
    # It runs, and is about to end or does not answer: to start it would not help.
    return error

"""One conversation of a command with the daemon, on a reactor that runs only for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from client.api import NotRunningError
from client.remote import RemoteClient, remote_client
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
    results: list[T | Failure] = []
    client = remote_client(directory, reactor=reactor, rng=rng)

    async def run() -> T:
        return await work(CommandRun(client, reactor))

    def begin() -> None:
        done = Deferred.fromCoroutine(run())
        done.addBoth(results.append)
        done.addBoth(lambda _: end())

    def end() -> None:
        client.close()
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run()
    match results:
        case [Failure(value=NotRunningError() as error)]:
            raise _not_running(directory, error)
        case [Failure() as failure]:
            failure.raiseException()
        case [result]:
            return result  # type: ignore[return-value]  # a Failure was matched above
    # The reactor ended without a result: SIGINT stops it.
    raise click.Abort


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

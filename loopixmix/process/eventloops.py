"""Event loops: work that a reactor runs for, and programs on asyncio that came to a door of Twisted's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from loopixmix.errors import MisuseError

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

_BAD_YIELD = "Task got bad yield"
"""How asyncio begins to say that a coroutine waits for something that is not its own."""

T = TypeVar("T")


async def await_on_twisted(awaitable: Awaitable[T], *, instead: str) -> T:
    """Return what `awaitable` returns, which waits for Deferreds; `instead`: what a program on asyncio should do.

    Raises `MisuseError` if a task of asyncio awaits it and it has to wait.
    """
    try:
        return await awaitable
    except RuntimeError as error:
        # Asked only now: a coroutine does not see who awaits it, and Twisted, too, may run on a loop of asyncio.
        if not str(error).startswith(_BAD_YIELD):
            raise
        raise MisuseError(f"a task of asyncio awaits what runs on Twisted: {instead}") from error


def check_no_asyncio(reactor: object, *, instead: str) -> None:
    """Raise `MisuseError` if a loop of asyncio runs here and `reactor` does not run on it: it would do nothing."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    # Imported here: nobody else needs it.
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

    if not isinstance(reactor, AsyncioSelectorReactor):
        raise MisuseError(f"asyncio runs here, and Twisted's reactor does not: {instead}")


def perform_on(reactor: PosixReactorBase, work: Callable[[PosixReactorBase], Awaitable[T]]) -> T:
    """Run `reactor` for `work`, and return its result; raise what it raises, `click.Abort` if the user interrupts."""
    import click
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    results: list[T | Failure] = []

    async def run() -> T:
        return await work(reactor)

    def begin() -> None:
        done = Deferred.fromCoroutine(run())
        done.addBoth(results.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    match results:
        case [Failure() as failure]:
            failure.raiseException()
        case [result]:
            return result  # type: ignore[return-value]  # a Failure was matched above
    # The reactor ended without a result: SIGINT stops it.
    raise click.Abort

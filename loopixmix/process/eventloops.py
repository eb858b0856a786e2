"""Event loops: work that a reactor runs for, and programs on asyncio that came to a door of Twisted's."""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401 (without files it could not be loaded when a name is looked up)
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from loopixmix.errors import MisuseError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IHostnameResolver, IReactorThreads
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


def look_up(
    host: bytes | str | None,
    port: bytes | str | int | None,
    family: int = 0,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> Any:
    """Look a host name up as `socket.getaddrinfo` does, and raise `socket.gaierror` whatever the reason of a failure.

    It is also an `OSError` if no file or socket can be opened any more, and a `UnicodeError` if the name cannot be one.
    """
    try:
        return socket.getaddrinfo(host, port, family, type, proto, flags)
    except socket.gaierror:
        raise
    except (OSError, UnicodeError) as error:
        raise socket.gaierror(socket.EAI_AGAIN, str(error)) from error


def tell_failed_lookups(reactor: PosixReactorBase) -> None:
    """Have each look-up of a host name by `reactor` end.

    Twisted knows one kind of failure only. After any other, whoever waits for the name waits for ever.
    """
    # Imported here: nobody else needs it.
    from twisted.internet._resolver import GAIResolver

    resolver = GAIResolver(cast("IReactorThreads", reactor), getaddrinfo=look_up)
    reactor.installNameResolver(cast("IHostnameResolver", resolver))


def perform_on(reactor: PosixReactorBase, work: Callable[[PosixReactorBase], Awaitable[T]]) -> T:
    """Run `reactor` for `work`, and return its result; raise what it raises, `click.Abort` if the user interrupts."""
    import click
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    results: list[T | Failure] = []

    async def run() -> T:
        return await work(reactor)

    def begin() -> None:
        Deferred.fromCoroutine(run()).addBoth(end)

    def end(result: T | Failure) -> None:
        # An interrupted reactor cuts the connections of the work. That it fails then is not what the user is to read,
        # and a reactor that ends cannot be stopped again.
        if not interrupted:
            results.append(result)
            reactor.stop()

    def interrupt() -> None:
        interrupted.append(True)

    interrupted: list[bool] = []
    tell_failed_lookups(reactor)
    reactor.addSystemEventTrigger("before", "shutdown", interrupt)
    reactor.callWhenRunning(begin)
    reactor.run()
    match results:
        case [Failure() as failure]:
            failure.raiseException()
        case [result]:
            return result  # type: ignore[return-value]  # a Failure was matched above
    # The reactor ended without a result: SIGINT stops it.
    raise click.Abort

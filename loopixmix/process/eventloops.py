"""Programs on asyncio that came to a door of Twisted's: they are told so, instead of an error about a yield."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from loopixmix.errors import MisuseError

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

"""One callback of an application, called so that nothing that it raises harms the part that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from client.api import BadRequestError
from client.feeds.failures import CallbackFailures

T = TypeVar("T")


class Listener(Generic[T]):
    """One callback. It is told one thing at a time, and never interrupted."""

    def __init__(
        self, door: str, callback: Callable[[T], Awaitable[None] | None], *, failures: CallbackFailures
    ) -> None:
        """Call `callback`, which was given to the method `door` of a client; `failures` hears what it raises."""
        self.name = f"{door}({name_of(callback)})"
        self.busy = False
        """Whether it is being told something now."""
        self._callback = callback
        self._failures = failures

    async def tell(self, value: T) -> bool:
        """Tell it something, and wait until it is done; return whether it has handled that."""
        self.busy = True
        try:
            pending = self._callback(value)
            if pending is not None:
                await pending
        # A cancelled task of asyncio is no `Exception`. To the callback it is an error like others.
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                # This is no error of the callback: the program ends the task that calls it.
                raise
            self._failures.note(self.name, error)
            return False
        finally:
            self.busy = False
        return True

    def refused(self, error: BadRequestError) -> None:
        """Take note that it is told nothing any more: what it asked for is refused."""
        self._failures.note(self.name, error, ended=True)


def name_of(callback: Callable[..., object]) -> str:
    """Return the name by which a programmer finds a callback."""
    while isinstance(callback, partial):
        callback = callback.func
    named = callback if hasattr(callback, "__qualname__") else type(callback)
    return ".".join(filter(None, (named.__module__, named.__qualname__)))


def _is_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a program on Twisted
        return False
    return task is not None and task.cancelling() > 0

"""How to stop something that begins, and to know that it has begun."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred

Waiter: TypeAlias = tuple[Awaitable[None], Callable[[], None]]
"""Something to wait for, and what ends the wait; that may be called for a wait that was given up."""


def deferred_waiter() -> Waiter:
    """Return a wait of a program on Twisted."""
    waiting: Deferred[None] = Deferred()
    return waiting, lambda: None if waiting.called else waiting.callback(None)


class Followed:
    """Implements `client.api.Following`."""

    def __init__(self, stop: Callable[[], None], new_waiter: Callable[[], Waiter] = deferred_waiter) -> None:
        """`stop` is called to stop it; `new_waiter` makes what those wait for that await it."""
        self._stop = stop
        self._new_waiter = new_waiter
        self._is_over = False
        self._error: Exception | None = None
        self._wakers: list[Callable[[], None]] = []

    def __call__(self) -> None:
        """Stop."""
        self._stop()
        # It will not begin any more, and nobody is to wait for that.
        self.begun()

    def __await__(self) -> Generator[Any, Any, Followed]:
        """Wait until it has begun; raises why it will not."""
        return self._passing().__await__()

    def begun(self) -> None:
        """Let those go on that wait: it has begun."""
        self._is_over = True
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    def refused(self, error: Exception) -> None:
        """Tell those that wait why it does not begin."""
        if not self._is_over:
            self._error = error
        self.begun()

    async def _passing(self) -> Followed:
        if not self._is_over:
            waiting, wake = self._new_waiter()
            self._wakers.append(wake)
            await waiting
        if self._error is not None:
            raise self._error
        return self

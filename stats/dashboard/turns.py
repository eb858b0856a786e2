"""Pages take turns: few are made at one time, and few wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore

from loopixmix.errors import UnavailableError
from loopixmix.process.shield import shielded
from stats.analysts.aside import WorkAside

MOST_WAITING, SIDE_BY_SIDE = 24, 4
"""Threads are shared with the collector, which is not to wait for those who look."""

_T = TypeVar("_T")


class WaitingTurns:
    """Bounds the work that is done beside the reactor."""

    def __init__(self, aside: WorkAside, most: int = MOST_WAITING, side_by_side: int = SIDE_BY_SIDE) -> None:
        """`aside`: does the work. `most`: so much may be under way or wait; `side_by_side`: under way at one time."""
        self._aside = aside
        self._most = most
        self._waiting = 0
        self._places = DeferredSemaphore(side_by_side)

    async def do(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns; raise `UnavailableError` if too much waits already."""
        if self._waiting >= self._most:
            raise UnavailableError("too many pages are asked for at once")
        self._waiting += 1
        # A thread goes on although the browser went away. So its place is free when the thread ends, and not before.
        return await shielded(Deferred.fromCoroutine(self._done(work)))

    async def _done(self, work: Callable[[], _T]) -> _T:
        try:
            await self._places.acquire()
            try:
                return await self._aside(work)
            finally:
                self._places.release()
        finally:
            self._waiting -= 1

"""Pages take turns: few are made at one time, and few wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from loopixmix.errors import UnavailableError
from stats.analysts.aside import WorkAside

MOST_WAITING = 24

_T = TypeVar("_T")


class WaitingTurns:
    """Bounds the work that is done beside the reactor."""

    def __init__(self, aside: WorkAside, most: int = MOST_WAITING) -> None:
        """`aside`: does the work. `most`: so much may be under way or wait."""
        self._aside = aside
        self._most = most
        self._waiting = 0

    async def do(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns; raise `UnavailableError` if too much waits already."""
        if self._waiting >= self._most:
            raise UnavailableError("too many pages are asked for at once")
        self._waiting += 1
        try:
            return await self._aside(work)
        finally:
            self._waiting -= 1

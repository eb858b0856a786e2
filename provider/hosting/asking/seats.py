"""Seats for requests that do the same thing, and those that wait until one is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

Begin: TypeAlias = Callable[[], object]
"""Called when there is a seat; whoever gave it calls `Seats.leave` once, later or at once."""
Dropped: TypeAlias = Callable[[], object]
"""Called instead, if there will be no seat any more."""


class Seats:
    """So many seats, and a queue in order of arrival."""

    def __init__(self, *, most: int, queue: int) -> None:
        """`most`: the seats. `queue`: how many may wait for one."""
        self._most = most
        self._queue = queue
        self._waiting: deque[tuple[Begin, Dropped]] = deque()
        self._is_calling = False
        self.taken = 0

    @property
    def waiting(self) -> int:
        """How many wait for a seat."""
        return len(self._waiting)

    @property
    def is_free(self) -> bool:
        """Tell whether there is a seat at once."""
        return self.taken < self._most and not self._waiting

    def enter(self, begin: Begin, dropped: Dropped) -> bool:
        """Call `begin` when there is a seat, or `dropped` at `clear`; false, and neither, if too many wait already."""
        if len(self._waiting) >= self._queue and not self.is_free:
            return False
        self._waiting.append((begin, dropped))
        self._call()
        return True

    def leave(self) -> None:
        """Give a seat back."""
        self.taken -= 1
        self._call()

    def clear(self) -> None:
        """Forget those that wait, and tell them."""
        # All are taken out first: one that is told may give back a seat elsewhere, or ask for one here.
        waiting, self._waiting = self._waiting, deque()
        for _, dropped in waiting:
            dropped()

    def _call(self) -> None:
        # A loop and not a recursion: a request that fails at once would let the next one begin from within, and so on.
        if self._is_calling:
            return
        self._is_calling = True
        try:
            while self._waiting and self.taken < self._most:
                self.taken += 1
                begin, _ = self._waiting.popleft()
                begin()
        finally:
            self._is_calling = False

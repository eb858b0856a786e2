"""Things that are due at a moment each, and most of which are done with before it comes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

COMPACTED_FROM = 1024


class Schedule(Generic[Key]):
    """Keys by the moments at which they are due."""

    def __init__(self, *, is_wanted: Callable[[Key], bool]) -> None:
        """Begin empty; a key that `is_wanted` does not want any more is forgotten."""
        self._is_wanted = is_wanted
        self._entries: list[tuple[float, int, Key]] = []
        self._count = 0
        self._compact_at = COMPACTED_FROM

    def __len__(self) -> int:
        """Return how many keys are kept, those that nobody wants any more included."""
        return len(self._entries)

    def add(self, at_s: float, key: Key) -> None:
        """Let `key` be due at `at_s`."""
        self._count += 1
        heapq.heappush(self._entries, (at_s, self._count, key))
        if len(self._entries) > self._compact_at:
            # A message lasts minutes and may be tried for days: without this the list would hold all of these days.
            self._entries = [entry for entry in self._entries if self._is_wanted(entry[2])]
            heapq.heapify(self._entries)
            self._compact_at = max(COMPACTED_FROM, 2 * len(self._entries))

    def due(self, now_s: float) -> list[Key]:
        """Take out and return what is due and still wanted, the earliest first."""
        found: list[Key] = []
        while self._entries and self._entries[0][0] <= now_s:
            key = heapq.heappop(self._entries)[2]
            if self._is_wanted(key):
                found.append(key)
        return found

"""Work beside the reactor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class WorkAside(Protocol):
    """Does work that waits for a disk or a processor, so that nobody else waits for it."""

    def __call__(self, work: Callable[[], _T], /) -> Awaitable[_T]:
        """Return what `work` returns; raise what it raises."""

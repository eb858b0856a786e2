"""Work that waits, done beside the reactor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

R = TypeVar("R")


class BesideReactor(Protocol):
    """Does something in a thread and returns what it returned; in tests it does it at once."""

    def __call__(self, work: Callable[[], R], /) -> Awaitable[R]:
        """Do `work`; the result fires with what it returns, or fails with what it raises."""

"""The reactor's thread, for tests of threads that report to it."""

from __future__ import annotations

import queue
from collections.abc import Callable


class ReactorThread:
    """Runs what other threads want on this one, as `callFromThread` does."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        self._calls.put(lambda: function(*arguments))

    def run_until(self, done: Callable[[], bool]) -> None:
        """Run calls as they come; fail if nothing comes for long."""
        while not done():
            self._calls.get(timeout=10)()

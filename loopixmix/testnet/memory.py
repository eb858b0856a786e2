"""How much memory a set of processes takes at most."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import psutil

from loopixmix.testnet.processes import memory_bytes

PERIOD_S = 1.0


class MemoryWatch:
    """Adds up the processes' memory every second, on a thread of its own, and keeps the largest sum."""

    def __init__(self, processes: Callable[[], Iterable[psutil.Process]]) -> None:
        """`processes`: lists the processes, which may come and go."""
        # A thread, because the demo blocks between its steps, and the peak is in the middle of one.
        self.most_bytes = 0
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(PERIOD_S):
            self.most_bytes = max(self.most_bytes, sum(memory_bytes(process) for process in self._processes()))

"""Threads for work that waits for the disk or takes long, so that the reactor does neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

_T = TypeVar("_T")
MOST_THREADS = 6


class BridgeThreads:
    """A few threads, which take pieces of work in turn; none runs before the first work."""

    def __init__(self, reactor: IReactorFromThreads, *, most: int = MOST_THREADS) -> None:
        """`reactor`: where results are heard. `most`: how many threads there are at once."""
        self._reactor = reactor
        # Not the reactor's own threads: in those, names are looked up and passwords checked.
        self._pool = ThreadPool(minthreads=0, maxthreads=most, name="mail bridge")
        self._pool.start()

    def run(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Do `work` in one of the threads; the result, or what it raises, is heard on the reactor."""
        return cast("Deferred[_T]", deferToThreadPool(cast(Any, self._reactor), self._pool, work))

    def stop(self) -> None:
        """Wait until the work that was begun has ended. Afterwards there is no thread."""
        self._pool.stop()

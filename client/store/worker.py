"""Where the store and long computations run: one after the other, away from the reactor.

One worker has one thread, so that what it does happens in the order in which it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


class Worker(Protocol):
    """Runs one thing at a time, in order."""

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work` after everything that was asked for before; fires with its result, fails with its error."""

    def stop(self) -> Deferred[None]:
        """Fire when everything that was asked for is done; nothing may be asked for afterwards."""


def shielded(result: Deferred[T]) -> Deferred[T]:
    """Return a Deferred with the same outcome; cancelling it does not touch `result` and what hangs on it."""
    outer: Deferred[T] = Deferred()

    def succeed(value: T) -> None:
        if not outer.called:
            outer.callback(value)

    def fail(failure: Failure) -> None:
        if not outer.called:
            outer.errback(failure)

    result.addCallbacks(succeed, fail)
    return outer


class InlineWorker:
    """Runs everything at once: for simulations and tests."""

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work` now."""
        return maybeDeferred(work)

    def stop(self) -> Deferred[None]:
        """Everything is done already."""
        return maybeDeferred(lambda: None)


class ThreadWorker:
    """Runs everything in one thread of its own."""

    def __init__(self, reactor: IReactorFromThreads) -> None:
        """Start the thread; results come back on `reactor`."""
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=1, maxthreads=1, name="client store")
        # A process that ends without `stop` ends; to the store that is a crash like any other.
        self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
        self._pool.start()
        self._running: set[Deferred[None]] = set()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work` in the thread."""
        result: Deferred[T] = deferToThreadPool(self._reactor, self._pool, work)
        ended: Deferred[None] = Deferred()
        self._running.add(ended)

        def end(outcome: object) -> object:
            self._running.discard(ended)
            ended.callback(None)
            return outcome

        result.addBoth(end)
        return result

    def stop(self) -> Deferred[None]:
        """Fire when the thread has ended."""
        # The pool blocks the reactor until its thread has ended, so its work is done before.
        waiting = DeferredList(list(self._running))
        return waiting.addCallback(lambda _: self._pool.stop())

"""Work and whoever waits for it, of which one goes away without the other."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def shielded(result: Deferred[T]) -> Deferred[T]:
    """Return a Deferred with the same outcome; cancelling it does not touch `result` and what hangs on it."""
    return _handed_on(result, Deferred())


def surely_cancelled(result: Deferred[T]) -> Deferred[T]:
    """Return a Deferred with the same outcome; cancelling it cancels `result`, and ends it whatever `result` does.

    A coroutine that catches its cancellation, as each `except Exception` does, may go on for ever. Whoever waits for it
    would wait as long, also by `addTimeout`.
    """
    return _handed_on(result, Deferred(lambda _: result.cancel()))


def _handed_on(result: Deferred[T], outer: Deferred[T]) -> Deferred[T]:
    def succeed(value: T) -> None:
        if not outer.called:
            outer.callback(value)

    def fail(failure: Failure) -> None:
        if not outer.called:
            outer.errback(failure)

    result.addCallbacks(succeed, fail)
    return outer

"""Work that goes on although whoever waits for it goes away."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


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

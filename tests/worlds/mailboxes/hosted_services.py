"""What hosted services get in tests: a key directory without keys, and a way to hear an answer."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from loopixmix.requests.names import Publish

T = TypeVar("T")


class NoKeys:
    """A key directory in which nobody is."""

    async def card(self, name: str) -> bytes:
        return b""

    async def publish(self, publish: Publish) -> bool:
        return False


def result_of(answering: Coroutine[Deferred[Any], Any, T]) -> T:
    """Return what a coroutine returns that needs no clock; raise what it raises."""
    results: list[T] = []
    failures: list[BaseException] = []
    Deferred.fromCoroutine(answering).addCallbacks(results.append, lambda failure: failures.append(failure.value))
    for failure in failures:
        raise failure
    return results[0]

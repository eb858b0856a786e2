"""Several things done at one time."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

T = TypeVar("T")


async def together(*works: Awaitable[T]) -> list[T]:
    """Do several things at one time, and return what came of each.

    Raises what the first one raises that fails; the others are broken off then.
    """
    doing = [Deferred.fromCoroutine(_awaited(work)) for work in works]
    try:
        return list(await gatherResults(doing, consumeErrors=True))
    except FirstError as error:
        for each in doing:
            each.cancel()
        error.subFailure.raiseException()
        raise


async def _awaited(work: Awaitable[T]) -> T:
    return await work

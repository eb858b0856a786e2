"""Puts services away when their program stops: whatever one of them does then, the others and the stores are closed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.process.shield import surely_cancelled
from loopixmix.seams import Clock
from provider.hosting.asking.failures import told

CLOSE_S = 10.0
"""A service has so long to close. Its provider is to stop before the system kills it with its store open."""

log = Logger()


async def put_away(name: str, close: Callable[[], Coroutine[Deferred[object], object, None]], *, clock: Clock) -> None:
    """Await `close` of the service `name`, for `CLOSE_S` seconds at most; log what fails, and never raise."""
    try:
        closing = surely_cancelled(Deferred.fromCoroutine(close()))
        await closing.addTimeout(CLOSE_S, cast(IReactorTime, clock))
    except TimeoutError:
        log.error("service {service} did not close within {close_s:g} s", service=name, close_s=CLOSE_S)
    # It is somebody else's code, and what comes after it must be closed all the same.
    except Exception:
        what = told(Failure())  # type: ignore[no-untyped-call]
        log.error("service {service} could not be closed: {what}", service=name, what=what)

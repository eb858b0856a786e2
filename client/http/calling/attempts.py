"""How often a call is made: again after a connection that broke, and a few times if the daemon is busy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from client.api import BusyError

BUSY_WAITS_S = (1.0, 2.0, 4.0)
"""A daemon that is busy is asked again after these times, and then no more."""

T = TypeVar("T")


class BrokenConnectionError(Exception):
    """The connection broke before the answer was there."""


async def answered(
    attempt: Callable[[], Awaitable[T]], *, repeatable: bool, pause: Callable[[float], Awaitable[None]]
) -> T:
    """Return what `attempt` returns, which is made again if that may help and may be.

    `repeatable`: whether it may be carried out twice. `pause` lets time pass. Raises `BrokenConnectionError`,
    `BusyError`, and what else `attempt` raises.
    """
    waits_s = iter(BUSY_WAITS_S)
    while True:
        try:
            return await attempt()
        except BrokenConnectionError:
            # A connection that was kept may have been ended by the daemon just when it was used again.
            if not repeatable:
                raise
            repeatable = False
        except BusyError:
            # The daemon says so before it does anything: any call may be made again.
            wait_s = next(waits_s, None)
            if wait_s is None:
                raise
            await pause(wait_s)

"""Ending the program of a directory from outside."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from loopixmix.errors import StoreError, UnavailableError
from loopixmix.process.files import lock_holder

POLL_S = 0.05


def stop_holder(lock: Path, *, within_s: float) -> int | None:
    """Ask the process that holds `lock` to end, and wait until it has; return its number, or None if there is none.

    Raises `UnavailableError` if it has not ended after `within_s`, `StoreError` if it is another user's.
    """
    holder = lock_holder(lock)
    if holder is None:
        return None
    try:
        os.kill(holder, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it ended in this moment
    except PermissionError as error:
        raise StoreError(f"{lock.parent}: process {holder} is another user's, who alone may stop it") from error
    deadline_s = time.monotonic() + within_s
    # The lock is given back when all of the program has ended; another process may have it by then.
    while lock_holder(lock) == holder:
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"{lock.parent}: process {holder} has not ended after {within_s:g} s: it goes on")
        time.sleep(POLL_S)
    return holder

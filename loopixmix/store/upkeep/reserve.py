"""A little room that a store keeps for a full disk: without it SQLite could not even open the store to read it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

RESERVE_SUFFIX = ".reserve"
RESERVE_BYTES = 1024 * 1024
"""Room for the index of the log of changes, and for the deletion of some hundred items that were fetched."""
_MODE = 0o600


def keep_reserve(store: Path) -> None:
    """Take the room, unless that is done already or there is too little of it."""
    path = _reserve_of(store)
    if path.exists():
        return
    descriptor = None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    except OSError:
        give_up_reserve(store)  # less than all of it would only be in the way
    finally:
        if descriptor is not None:
            os.close(descriptor)


def give_up_reserve(store: Path) -> bool:
    """Give the room back, for whoever needs it now; return whether there was any."""
    with contextlib.suppress(OSError):
        _reserve_of(store).unlink()
        return True
    return False


def _reserve_of(store: Path) -> Path:
    return store.with_name(store.name + RESERVE_SUFFIX)

"""The hold of a process on a folder of results: one at a time runs in it, and others can ask whether one does."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from loopixmix.errors import StoreError
from simulations.results.manifest import FolderError

# A reader that asks whether the folder is held has it for an instant: that must not turn a run away.
_TRIES = 10
_BETWEEN_TRIES_S = 0.05


def hold(path: Path) -> int:
    """Hold the folder `path` for this process; return a descriptor, whose closing lets it go, as the process' end does.

    Raises `FolderError` if another process holds it, `StoreError` if it is no folder.
    """
    descriptor = _opened(path)
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(_BETWEEN_TRIES_S)
                continue
            os.close(descriptor)
            raise FolderError(f"{path}: another process runs in this folder") from None
        except OSError as error:
            os.close(descriptor)
            raise StoreError(f"{path}: cannot be locked: {error.strerror}") from error
        break
    return descriptor


def is_held(path: Path) -> bool:
    """Tell whether a process holds the folder; also true if the system cannot tell."""
    try:
        descriptor = _opened(path)
    except StoreError:
        return True
    try:
        # Shared: two readers do not take each other for a run.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _opened(path: Path) -> int:
    try:
        # The folder itself is locked, and no file in it that would be left behind by a kill.
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StoreError(f"{path}: cannot be used as a folder: {error.strerror}") from error

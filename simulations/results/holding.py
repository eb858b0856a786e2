"""The hold of a process on a folder of results: one at a time runs in it, and others can ask whether one does."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from loopixmix.errors import StoreError
from loopixmix.process.files import file_error, lock_attempts, try_lock
from simulations.results.manifest import FolderError


def hold(path: Path) -> int:
    """Hold the folder `path` for this process; return a descriptor, whose closing lets it go, as the process' end does.

    Raises `FolderError` if another process holds it, `StoreError` if it is no folder.
    """
    descriptor = _opened(path)
    if not any(try_lock(descriptor, fcntl.LOCK_EX) for _ in lock_attempts()):
        os.close(descriptor)
        raise FolderError(f"{path}: another process runs in this folder")
    return descriptor


def is_held(path: Path) -> bool:
    """Tell whether a process holds the folder; also true if the system cannot tell."""
    try:
        descriptor = _opened(path)
    except StoreError:
        return True
    try:
        # Shared: two readers do not take each other for a run.
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        # The folder itself is locked, and no file in it that would be left behind by a kill.
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise file_error(error, f"{path}: cannot be used as a folder") from error

"""Programs that seem to run: their lock is held, and a status file is beside it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from loopixmix.process.files import DirectoryLock


@contextlib.contextmanager
def told_by_running(lock: Path, status: Mapping[str, object]) -> Iterator[None]:
    """Hold `lock`, as a program does that told `status` a moment ago."""
    (lock.parent / "status.json").write_text(json.dumps({"pid": os.getpid(), **status}))
    with DirectoryLock(lock):
        yield

"""What a demonstration leaves running, seen from outside."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil


def processes_in(directory: Path) -> list[psutil.Process]:
    """Return the processes whose command lines name the directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.pid != psutil.Process().pid and any(str(directory) in word for word in process.cmdline()):
                found.append(process)
    return found

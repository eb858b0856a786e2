"""Who reads a SQLite store just now, so that its log of changes cannot be emptied."""

from __future__ import annotations

import os
from pathlib import Path

LOCKS = Path("/proc/locks")
FIRST_READ_LOCK, LAST_READ_LOCK = 123, 127
"""The bytes of SQLite's index (`-shm`) that a reading keeps locked: sqlite.org/walformat.html, section 2.3.1."""


def reading_processes(store: Path, *, locks: Path = LOCKS) -> list[int]:
    """Return the numbers of the processes that read the store, as far as the system tells; else nothing."""
    # From the system's list, and not by asking for the lock: a file that is closed again loses all locks that this
    # process has on it, those of SQLite too.
    try:
        index = store.with_name(f"{store.name}-shm").stat()
        lines = locks.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    place = f"{os.major(index.st_dev):02x}:{os.minor(index.st_dev):02x}:{index.st_ino}"
    return sorted({process for line in lines if (process := _reader(line.split(), place)) is not None})


def named(processes: list[int], *, own: int) -> str:
    """Say in words who reads."""
    if not processes:
        return "another program"
    others = [f"process {number}" for number in processes if number != own]
    return " and ".join(others) or "this program itself"


def _reader(fields: list[str], place: str) -> int | None:
    match fields:
        case [_, "POSIX", _, "READ", process, where, first, last] if where == place and process.isdigit():
            if first.isdigit() and last.isdigit() and FIRST_READ_LOCK <= int(first) <= int(last) <= LAST_READ_LOCK:
                return int(process)
        case _:
            pass
    return None

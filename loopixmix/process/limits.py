"""What the system lets this process do: open files, and leave its memory behind."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

_FILTER = Path("/proc/self/coredump_filter")


def allow_descriptors(wanted: int) -> int:
    """Let this process have `wanted` files and sockets open, or as many as the system permits; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    # The lower limit of most systems, 1,024, is for programs that use select(); a program may raise it by itself.
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def forbid_core_dumps() -> None:
    """Let a crash leave no copy of the memory, in which keys are; also none of the programs that this one starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A system that hands dumps to a program, and not to a file, does not ask the limit: so nothing is put into them.
    # Not PR_SET_DUMPABLE: with it the user could not even see how much memory an own process has.
    with contextlib.suppress(OSError):
        _FILTER.write_text("0")

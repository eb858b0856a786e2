"""How many files and sockets a process may have open at one time."""

from __future__ import annotations

import resource


def allow_descriptors(wanted: int) -> int:
    """Let this process have `wanted` files and sockets open, or as many as the system permits; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    # The lower limit of most systems, 1,024, is for programs that use select(); a program may raise it by itself.
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed

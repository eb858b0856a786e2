"""Whether a process runs that a test has started itself, and whose number nobody else can have got meanwhile."""

from __future__ import annotations

import os
from pathlib import Path


def is_running(pid: int) -> bool:
    """Tell whether a process runs; false for one that ended and was not fetched by its parent."""
    try:
        # Signal 0 does nothing but to ask whether the process is there.
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (OSError, IndexError):
        return True  # another user's, or a system without /proc
    return state not in ("Z", "X")

"""How the processes of one run share the tests: by files, and whole networks one after the other.

The tests of a file share what was set up for them, so that they stay together. A network has processes of its own,
which find each other at fixed ports, and deadlines. Two at a time would meet at their ports, and each would slow the
other down. So all files that fix ports are one piece of work, and the other processes do the rest meanwhile.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[2]
NETWORKS = "networks"
"""The name of the work that goes to one process."""
FIXED_PORTS = re.compile(r"^BASE_PORT\b|\bbase_port=", re.MULTILINE)
"""How a test file says at which ports its network is."""


@functools.cache
def piece_of(file: str) -> str:
    """Return to which piece of work the tests of a file belong; `file` is relative to the tree."""
    return NETWORKS if FIXED_PORTS.search((ROOT / file).read_text(encoding="utf-8")) else file


class NetworksInTurn(LoadFileScheduling):
    """Shares tests by files, and gives those of networks to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return piece_of(file)

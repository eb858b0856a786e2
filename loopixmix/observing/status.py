"""A node's own word on how it is, as its status file holds it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.errors import StoreError
from loopixmix.observing.observers import LinkCounts, LoopCounts
from loopixmix.process.status import STATUS_FILE

STALE_AFTER_S = 5.0
"""A running node renews its status every second; one older than this hangs or is gone."""


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is. Counts are since `started_at_s`; they stay in a file that only the node's user can read.

    `healthy`: it takes part in the network as it should; otherwise `problem` says what is wrong. `queue`: packets that
    wait, to be unwrapped or for their delay. `late_p99_s`: how long after it was due a packet left lately, the 99th
    percentile. `extra`: what only one role has.
    """

    name: str
    id: str
    role: str
    layer: int | None
    pid: int
    started_at_s: float
    written_at_s: float
    epoch: int
    healthy: bool
    problem: str | None
    engine: str
    packets_in: int = 0
    packets_out: int = 0
    delivered: int = 0
    dropped: dict[str, int] = {}
    loops: LoopCounts = LoopCounts()
    entropy_bits: float = 0.0
    late_p99_s: float = 0.0
    links: LinkCounts = LinkCounts()
    queue: int = 0
    extra: dict[str, str | int | float] = {}


def read_status(directory: Path) -> NodeStatus | None:
    """Return the last status that the node of `directory` wrote; None if there is none.

    Raises `StoreError` if the file is damaged or cannot be read.
    """
    path = directory / STATUS_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=NodeStatus)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is damaged; a running node renews it within a second") from error

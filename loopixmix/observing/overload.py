"""Whether a node has more to do than it can: told for a minute after it last lost packets for that."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from loopixmix.drops import DropReason

REPORTS_KEPT = 60
"""A status is written once a second."""
_REASONS = (DropReason.OVERLOADED, DropReason.TOO_LATE)


class OverloadWatch:
    """Tells from the counts of drops, in each report, whether the node is overloaded."""

    def __init__(self) -> None:
        """Begin without any drop."""
        self._counts: deque[int] = deque([0], maxlen=REPORTS_KEPT + 1)

    def report(self, dropped: Mapping[str, int]) -> str | None:
        """Take note of the counts since the start; return the state in one line, None if the node is not overloaded."""
        self._counts.append(sum(dropped.get(reason, 0) for reason in _REASONS))
        lost = self._counts[-1] - self._counts[0]
        if lost == 0:
            return None
        return (
            f"more comes than this node can do: {lost:,} packets were dropped within the last minute, those of peers "
            "that send most first"
        )

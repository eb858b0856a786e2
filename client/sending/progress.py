"""How far the messages on their way are: the newest counts of each, for those who ask now and then."""

from __future__ import annotations

import msgspec

from client.api import MessageId
from loopixmix.bounds import BoundedMap

MOST_KEPT = 4096
"""Of further messages the counts are not told, only their states."""


class FragmentCounts(msgspec.Struct, frozen=True):
    """How far a message is."""

    message_id: MessageId
    fragments: int
    sent: int
    acknowledged: int


class ProgressLog:
    """The newest counts of each message, the one that changed last at the end."""

    def __init__(self) -> None:
        """Begin without messages."""
        self._mark = 0
        self._steps: BoundedMap[MessageId, tuple[int, FragmentCounts]] = BoundedMap(MOST_KEPT)

    @property
    def mark(self) -> int:
        """The mark of the newest counts."""
        return self._mark

    def note(self, steps: FragmentCounts) -> None:
        """Take the new counts of a message."""
        self._mark += 1
        # Taken out first, so that it comes to the end.
        self._steps.pop(steps.message_id, None)
        self._steps[steps.message_id] = (self._mark, steps)

    def since(self, mark: int, limit: int) -> tuple[list[FragmentCounts], int]:
        """Return at most `limit` counts that changed after `mark`, and the mark to go on from."""
        if mark > self._mark:
            mark = 0
        newer = [entry for entry in self._steps.values() if entry[0] > mark][:limit]
        return [steps for _, steps in newer], newer[-1][0] if newer else mark

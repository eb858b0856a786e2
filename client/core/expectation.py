"""Answers that are expected: which reply block belongs to what, and when to give up waiting for it.

An acknowledgement that does not come in time is a reason to send again, never at once: what is overdue goes back into
the queue and leaves with the Poisson stream of payloads.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Generic, TypeVar

from loopixmix.bounds import BoundedMap
from loopixmix.sphinx import SurbKeys

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Expected(Generic[Subject]):
    """A reply block that we gave out, and what its return would tell."""

    subject: Subject
    keys: SurbKeys
    sent_at_s: float


class Expectations(Generic[Subject]):
    """The reply blocks that may come back, by their id. Bounded: the keys of the oldest are forgotten first.

    What was forgotten cannot be answered any more, and is overdue at its deadline like everything else without answer.
    """

    def __init__(self, *, capacity: int) -> None:
        """Remember the keys of at most `capacity` blocks."""
        self._expected: BoundedMap[bytes, Expected[Subject]] = BoundedMap(capacity)
        self._waiting: dict[bytes, Subject] = {}
        self._deadlines: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        """Return how many blocks may still come back."""
        return len(self._expected)

    def expect(self, surb_id: bytes, expected: Expected[Subject], deadline_s: float) -> None:
        """Remember a block whose answer is overdue from `deadline_s` on."""
        self._expected[surb_id] = expected
        self._waiting[surb_id] = expected.subject
        heapq.heappush(self._deadlines, (deadline_s, surb_id))

    def find(self, surb_id: bytes) -> Expected[Subject] | None:
        """Return what the block was for; an overdue one is still known."""
        return self._expected.get(surb_id)

    def settle(self, surb_id: bytes) -> None:
        """Forget a block whose answer came."""
        self._expected.pop(surb_id, None)
        self._waiting.pop(surb_id, None)

    def overdue(self, now_s: float) -> list[Subject]:
        """Return, once each, the subjects whose deadline has passed without their block's coming back."""
        late: list[Subject] = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            _, surb_id = heapq.heappop(self._deadlines)
            if surb_id in self._waiting:
                late.append(self._waiting.pop(surb_id))
        return late

    def postpone(self, not_before_s: float) -> None:
        """Let nothing be overdue before `not_before_s`, after a time without a link."""
        self._deadlines = [(max(deadline_s, not_before_s), surb_id) for deadline_s, surb_id in self._deadlines]
        heapq.heapify(self._deadlines)

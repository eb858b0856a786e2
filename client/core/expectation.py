"""Answers that are expected: what each reply block is for, what opens its answer, and until when it is waited for.

An acknowledgement that does not come in time is a reason to send again, never at once: what is overdue goes back into
the queue and leaves with the Poisson stream of payloads.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from loopixmix.bounds import BoundedMap
from loopixmix.sphinx import PacketError, Sphinx, SurbKeys, open_reply


class Awaited(Protocol):
    """Something that has a deadline."""

    def on_overdue(self, now_s: float) -> None:
        """Note that no answer came in time."""


class Purpose(Awaited, Protocol):
    """The purpose of a reply block; made by the part of the client that waits for the answer."""

    def on_answer(self, payload: bytes, now_s: float) -> bool:
        """Take what came back; false if it is not the answer after all, which is then still waited for."""


@dataclass(frozen=True)
class Expected:
    """A reply block that we gave out: what it is for, and what opens its answer (None: the answer says nothing)."""

    purpose: Purpose
    keys: SurbKeys | None


class Expectations:
    """All reply blocks that may come back, by their id. Bounded: the keys of the oldest are forgotten first.

    What was forgotten cannot be answered any more, and is overdue at its deadline like everything else without answer.
    """

    # There were three such registers once, and each reply was offered to one after the other. One is enough, because a
    # block knows what it is for.

    def __init__(self, *, capacity: int) -> None:
        """Remember the keys of at most `capacity` blocks."""
        self._expected: BoundedMap[bytes, Expected] = BoundedMap(capacity)
        self._waiting: dict[bytes, Awaited] = {}
        self._due_s: dict[bytes, float] = {}
        self._deadlines: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        """Return how many blocks may still come back."""
        return len(self._expected)

    def expect(self, surb_id: bytes, expected: Expected, deadline_s: float | None) -> None:
        """Remember a block whose answer is overdue from `deadline_s` on (None: never)."""
        self._expected[surb_id] = expected
        if deadline_s is not None:
            self.await_word(surb_id, expected.purpose, deadline_s)

    def await_word(self, key: bytes, awaited: Awaited, deadline_s: float) -> None:
        """Tell `awaited` from `deadline_s` on that it is overdue, unless `key` is settled, or given another deadline.

        `key`: a reply block, or anything of that length for a word that may come by one of many.
        """
        self._waiting[key] = awaited
        self._due_s[key] = deadline_s
        heapq.heappush(self._deadlines, (deadline_s, key))

    def find(self, surb_id: bytes) -> Expected | None:
        """Return what the block was for; an overdue one is still known."""
        return self._expected.get(surb_id)

    def settle(self, surb_id: bytes) -> None:
        """Forget a block whose answer came, or is of no use any more."""
        self._expected.pop(surb_id, None)
        self._waiting.pop(surb_id, None)
        self._due_s.pop(surb_id, None)

    def take(self, surb_id: bytes, body: bytes, *, sphinx: Sphinx, now_s: float) -> bool:
        """Hand what came by a block to its purpose; false if the block is none of ours, or was forgotten."""
        expected = self._expected.get(surb_id)
        if expected is None:
            return False
        try:
            payload = b"" if expected.keys is None else open_reply(expected.keys, body, sphinx=sphinx)
        except PacketError:
            return True  # altered on its way, so it is no answer: that will be overdue
        if expected.purpose.on_answer(payload, now_s):
            self.settle(surb_id)
        return True

    def overdue(self, now_s: float) -> list[Awaited]:
        """Return, once each, what is waited for and whose deadline has passed."""
        late: list[Awaited] = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            deadline_s, key = heapq.heappop(self._deadlines)
            # An entry with another deadline than the present one was replaced: to take it out would have cost more.
            if self._due_s.get(key) == deadline_s:
                del self._due_s[key]
                late.append(self._waiting.pop(key))
        return late

    def postpone(self, not_before_s: float) -> None:
        """Let nothing be overdue before `not_before_s`, after a time without a link."""
        self._set_deadlines({key: max(due_s, not_before_s) for key, due_s in self._due_s.items()})

    def hurry(self, not_after_s: float, draw_s: Callable[[], float]) -> None:
        """Let what would be overdue after `not_after_s` be so at a time that `draw_s` draws, for each anew."""
        self._set_deadlines({key: draw_s() if due_s > not_after_s else due_s for key, due_s in self._due_s.items()})

    def shift(self, by_s: float) -> None:
        """Move all deadlines by `by_s` seconds, as the clock was set."""
        self._set_deadlines({key: due_s + by_s for key, due_s in self._due_s.items()})

    def _set_deadlines(self, due_s: dict[bytes, float]) -> None:
        self._due_s = due_s
        self._deadlines = [(deadline_s, key) for key, deadline_s in due_s.items()]
        heapq.heapify(self._deadlines)

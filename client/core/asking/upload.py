"""The shares of a request: which leaves next."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from client.core.asking.spares import spare_shares
from loopixmix.requests.coding import MAX_SHARES


class RequestShares:
    """The shares that wait. A round leaves without a word from the host; its last share asks for a report."""

    def __init__(self, pieces: int, *, loss: float) -> None:
        """Begin with the shares that give the content back (`pieces`), and spares for `loss`."""
        self.pieces = pieces
        self._loss = loss
        self._waiting: deque[int] = deque()
        self._next = 0
        self._left: set[int] = set()
        self._add_fresh(pieces + spare_shares(pieces, loss))

    @property
    def waiting(self) -> int:
        """How many shares wait."""
        return len(self._waiting)

    @property
    def sent(self) -> int:
        """How many of the shares that are needed have left at least once."""
        return min(len(self._left), self.pieces)

    @property
    def next_index(self) -> int:
        """The index of the share that leaves next; one waits."""
        return self._waiting[0]

    def on_sent(self) -> None:
        """Note that it left."""
        self._left.add(self._waiting.popleft())

    def on_missing(self, received: Collection[int]) -> None:
        """Send what the host says is missing: it has the shares `received`."""
        if self._waiting:
            # The word is older than what is still to be sent.
            self._waiting = deque(index for index in self._waiting if index not in received)
            return
        needed = max(1, self.pieces - len(received))
        count = min(needed + spare_shares(needed, self._loss), MAX_SHARES)
        # Pieces first: those cost nothing to join.
        lacking = [index for index in range(MAX_SHARES) if index not in received]
        self._waiting.extend(lacking[:count])

    def on_silence(self) -> None:
        """Ask for a word by one more share: nothing is known of those that have left."""
        # Not all of them again: if the host has most of them, its report says which are missing.
        if not self._waiting:
            self._add_fresh(1 + spare_shares(1, self._loss))

    def finish(self) -> None:
        """Send no more: the host has all it needs."""
        self._waiting.clear()

    def _add_fresh(self, count: int) -> None:
        for _ in range(min(count, MAX_SHARES)):
            self._waiting.append(self._next)
            self._next = (self._next + 1) % MAX_SHARES

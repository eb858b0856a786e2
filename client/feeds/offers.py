"""When something is offered again on which a callback failed: ever later."""

from __future__ import annotations

from dataclasses import dataclass

from client.core.retry import CALLBACK_POLICY


@dataclass(frozen=True)
class _Failed:
    due_s: float
    times: int


class LaterOffers:
    """What a callback failed on, by number."""

    def __init__(self) -> None:
        """Begin without failures."""
        self._failed: dict[int, _Failed] = {}

    def note_failure(self, number: int, now_s: float) -> None:
        """Offer `number` again after a while."""
        known = self._failed.get(number)
        times = 1 if known is None else known.times + 1
        # The draw that spreads re-sends over time has no use here: there is one program.
        self._failed[number] = _Failed(now_s + CALLBACK_POLICY.timeout_s(times, 0.0), times)

    def forget(self, number: int) -> None:
        """Offer `number` no more."""
        self._failed.pop(number, None)

    def due(self, now_s: float) -> int | None:
        """Return the lowest number that is to be offered again now."""
        return min((number for number in self._failed if self._wait_s(number, now_s) == 0), default=None)

    def wait_s(self, now_s: float) -> float | None:
        """Return how long until the next one is due, None if nothing failed."""
        return min((self._wait_s(number, now_s) for number in self._failed), default=None)

    def _wait_s(self, number: int, now_s: float) -> float:
        wait_s = self._failed[number].due_s - now_s
        # No wait is longer than the longest: a clock that was set back has put it there.
        return wait_s if 0 < wait_s <= CALLBACK_POLICY.longest_s else 0.0

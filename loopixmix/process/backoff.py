"""How long to wait before trying again."""

from __future__ import annotations

from loopixmix.seams import Rng


class Backoff:
    """Exponential backoff with full jitter: nodes that lost the same peer do not come back all at once."""

    def __init__(self, *, rng: Rng, first_s: float, longest_s: float) -> None:
        """Draw each wait from zero to a bound that starts at `first_s`, doubles, and stops at `longest_s`."""
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._bound_s = first_s

    def next_s(self) -> float:
        """Return the next wait in seconds."""
        # From zero, not from half the bound: only the full range spreads a thousand clients that failed in one moment.
        wait_s = self._rng.uniform(0, self._bound_s)
        self._bound_s = min(2 * self._bound_s, self._longest_s)
        return wait_s

    def reset(self) -> None:
        """Begin again at the first bound."""
        self._bound_s = self._first_s

"""When a link that is missing is dialled again."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.process.backoff import Backoff
from loopixmix.seams import Clock, DelayedCall


class Redial:
    """Waits ever longer between attempts at one link, and begins anew once a link has proved itself."""

    def __init__(self, backoff: Backoff, *, clock: Clock, stable_s: float) -> None:
        """`backoff`: how long each wait is. `stable_s`: a link that was open for so long was a success."""
        self._backoff = backoff
        self._clock = clock
        self._stable_s = stable_s
        self._open_since_s: float | None = None

    def link_opened(self) -> None:
        """Note that the link is open from now on."""
        self._open_since_s = self._clock.seconds()

    def wait(self, attempt: Callable[[], None]) -> DelayedCall:
        """Note that there is no link, and call `attempt` after a wait."""
        opened_s, self._open_since_s = self._open_since_s, None
        # Not at each opening: a peer that accepts links and drops them at once would be dialled without a pause.
        if opened_s is not None and self._clock.seconds() - opened_s >= self._stable_s:
            self._backoff.reset()
        return self._clock.callLater(self._backoff.next_s(), attempt)

    def begin_anew(self) -> None:
        """Let the next wait be a short one: there is a reason to hope."""
        self._backoff.reset()

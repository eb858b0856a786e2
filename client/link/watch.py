"""The link as it comes and goes, and the answers that are waited for while it is there."""

from __future__ import annotations

from client.core.expectation import Expectations
from client.core.health import LoopHealth
from client.core.journal import News
from client.link.session import Session
from loopixmix.seams import Rng

RECOVERY_S = 20.0
"""So long after the network works again, all that was sent in vain is sent again, at random times."""
LEAP_S = 60.0
"""A look that is so much later than it was due was kept from coming: the computer slept, or its clock was set."""


class LinkWatch:
    """Sees whether there is a link; without one no answer is overdue."""

    def __init__(self, session: Session, expectations: Expectations, news: News, health: LoopHealth, rng: Rng) -> None:
        """Watch the link of `session` for the answers in `expectations`; `news` hears when it comes or goes.

        `health`: tells by our loops whether the network works. `rng`: draws times.
        """
        self._session = session
        self._expectations = expectations
        self._news = news
        self._health = health
        self._rng = rng
        self._was_linked = False
        self._was_losing = False
        self._looked_s: float | None = None

    def look(self) -> bool:
        """Tell whether there is a link; if there is one, tell each purpose whose answer is overdue."""
        linked, now_s = self._session.is_linked(), self._session.now_s
        self._follow_clock(now_s)
        if linked != self._was_linked:
            self._was_linked = linked
            self._news.tell()
            if linked:
                # What was sent before the link broke could not be answered meanwhile: to send it all again now would
                # be a burst, and most of it was not lost.
                self._expectations.postpone(now_s + self._session.known.policy.first_s)
        self._follow_losses(now_s)
        if linked:
            for purpose in self._expectations.overdue(now_s):
                purpose.on_overdue(now_s)
        return linked

    def _follow_losses(self, now_s: float) -> None:
        """Wait no longer than for a while when our loops come back again after many were lost."""
        # What was sent again and again meanwhile waits as long as all attempts took: up to an hour. All of it leaves
        # with the stream of payloads, so that nobody sees it.
        was_losing, self._was_losing = self._was_losing, self._health.problem is not None
        if was_losing and not self._was_losing:
            within_s = max(RECOVERY_S, 2 * self._session.known.policy.first_s)
            self._expectations.hurry(now_s + within_s, lambda: now_s + self._rng.random() * within_s)

    def _follow_clock(self, now_s: float) -> None:
        """Correct the deadlines if the time of day did not go on as it should between two looks."""
        before_s, self._looked_s = self._looked_s, now_s
        params = self._session.known.params
        if before_s is None or params is None:
            return
        if now_s < before_s:
            # Set back. As they are, the deadlines would keep everything that was lost from being sent again as long.
            self._expectations.shift(now_s - before_s)
        elif now_s - before_s > LEAP_S + 1 / params.pull_rate_per_s:
            # Set on, or asleep: nothing could come meanwhile, and what seems overdue was mostly not lost.
            self._expectations.postpone(now_s + self._session.known.policy.first_s)

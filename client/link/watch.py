"""The link as it comes and goes, and the answers that are waited for while it is there."""

from __future__ import annotations

from client.core.expectation import Expectations
from client.core.journal import News
from client.link.session import Session


class LinkWatch:
    """Sees whether there is a link; without one no answer is overdue."""

    def __init__(self, session: Session, expectations: Expectations, news: News) -> None:
        """Watch the link of `session` for the answers in `expectations`; `news` hears when it comes or goes."""
        self._session = session
        self._expectations = expectations
        self._news = news
        self._was_linked = False

    def look(self) -> bool:
        """Tell whether there is a link; if so, what is overdue is told to whom it is for."""
        linked, now_s = self._session.is_linked(), self._session.now_s
        if linked != self._was_linked:
            self._was_linked = linked
            self._news.tell()
            if linked:
                # What was sent before the link broke could not be answered meanwhile: to send it all again now would
                # be a burst, and most of it was not lost.
                self._expectations.postpone(now_s + self._session.known.policy.first_s)
        if linked:
            for purpose in self._expectations.overdue(now_s):
                purpose.on_overdue(now_s)
        return linked

"""Repeated work: some of it at each pull, some once a minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from client.asking.account import AccountOpening
from client.asking.exchanges import Exchanges
from client.asking.posted import PostedRequests
from client.core.journal import News
from client.link.watch import LinkWatch
from client.sending.outbox import Outbox
from loopixmix.process.task import Guarded, Recurring
from loopixmix.seams import Clock

TIDY_S = 60.0
PROGRESS_S = 1.0
"""Those who follow messages on their way hear of them no more often."""


class Rounds:
    """Goes round the parts: lets go what waited, gives up and forgets what is too old."""

    def __init__(
        self,
        *,
        watch: LinkWatch,
        outbox: Outbox,
        posted: PostedRequests,
        exchanges: Exchanges,
        enrolment: AccountOpening,
        each_minute: Sequence[Callable[[], object]],
        news: News,
        clock: Clock,
    ) -> None:
        """Go round these parts.

        `watch`: sees what is overdue; `outbox`: messages that wait, or waited too long; `posted`: requests that wait;
        `exchanges`: requests that are under way; `enrolment`: a card that is not published yet, or a guest's account
        that has ended; `each_minute`: what parts do once a minute; `news`: tells those who follow messages; `clock`:
        counts the minutes.
        """
        self._watch = watch
        self._outbox = outbox
        self._posted = posted
        self._exchanges = exchanges
        self._enrolment = enrolment
        # Each apart: one that fails must not keep the others from being done, nor the pull that comes after them.
        self._each_minute = tuple(Guarded("tidying up", work) for work in each_minute)
        self._each_pull = Guarded("the work at each pull", self._do_at_pull)
        self._saving = Guarded("writing down what was sent", outbox.save_soon)
        self._news = news
        self._told_mark = 0
        self._told_s = 0.0
        self._clock = clock
        self._tidying = Recurring("tidying up", self._tidy, clock=clock, again_s=TIDY_S)

    @property
    def problem(self) -> str | None:
        """Why something is not done, in one line; None if all is."""
        guards = (self._each_pull, self._saving, *self._each_minute)
        return next((guard.problem for guard in guards if guard.problem is not None), None)

    def start(self) -> None:
        """Tidy once a minute from now on."""
        self._tidying.start(after_s=TIDY_S)

    def stop(self) -> None:
        """Tidy no more."""
        self._tidying.stop()

    def release(self) -> None:
        """Let messages go whose time has come."""
        self._outbox.release()

    def publish(self) -> None:
        """Publish a card that is new."""
        self._enrolment.publish()

    def at_pull(self) -> None:
        """Send again what is overdue, let go what waited, and write down what became of messages; never raises."""
        self._each_pull()

    def _do_at_pull(self) -> None:
        if self._watch.look():
            self._exchanges.refresh()
            self.publish()
            self._enrolment.renew()
        self._posted.look()
        # First: what is to have been stored by now must not leave any more.
        self._outbox.give_up()
        self._outbox.release()
        self._outbox.save_soon()
        self._tell_progress()

    def _tell_progress(self) -> None:
        now_s, mark = self._clock.seconds(), self._outbox.progress_mark
        # Not at each pull, of which there may be twenty a second; a clock that was set back does not keep it back.
        if mark != self._told_mark and not 0 <= now_s - self._told_s < PROGRESS_S:
            self._told_mark, self._told_s = mark, now_s
            self._news.tell()

    def _tidy(self) -> float:
        for work in (self._saving, *self._each_minute):
            work()
        return TIDY_S

"""Pulls leave at a constant rate, whether or not there is anything in the mailbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.logger import Logger

from client.link.pulls import PullBook
from client.link.session import Session
from client.streams.silence import Silence
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, DelayedCall, Rng

log = Logger()

REQUEST_ID_BITS = 63
UNANSWERED_PULLS = 5
"""After so many the user is told. One or two go unanswered when a link breaks."""


class Chores(Protocol):
    """Work that is to be done at each pull."""

    def at_pull(self) -> None:
        """Do it, at each pull, whether or not there is a link."""


class Pulling:
    """Asks the provider for what is in our mailbox."""

    def __init__(
        self,
        *,
        session: Session,
        pulls: PullBook,
        chores: Chores,
        clock: Clock,
        rng: Rng,
        monotonic: Callable[[], float],
    ) -> None:
        """Pull nothing before `run`.

        `session`: sends the pulls; `pulls`: what they say; `chores`: done just before each; `rng`: draws when the first
        one is due and its number; `monotonic`: seconds of a clock that nobody sets, by which silence is noticed.
        """
        self.silence = Silence("pulls", monotonic)
        self._session = session
        self._pulls = pulls
        self._chores = chores
        self._clock = clock
        self._rng = rng
        self._interval_s = 0.0
        self._batch = 0
        self._next_s = 0.0
        self._call: DelayedCall | None = None

    @property
    def problem(self) -> str | None:
        """One line for the user, None while the provider answers."""
        account = self._session.account
        if account is None or self._pulls.unanswered <= UNANSWERED_PULLS:
            return None
        return f"the provider {account.provider_name} does not answer; messages wait"

    def run(self, params: NetworkParams) -> None:
        """Pull at the rate of a network document."""
        self._interval_s, self._batch = 1 / params.pull_rate_per_s, params.pull_batch
        packet_format = self._session.known.packet_format
        if not self._pulls.has_begun and packet_format is not None:
            first = self._rng.getrandbits(REQUEST_ID_BITS)
            self._pulls.begin(first_request_id=first, max_acknowledged=packet_format.frames.max_acknowledged)
        self.silence.expect(params.pull_rate_per_s)
        if self._call is None:
            self._next_s = self._clock.seconds()
            self._wait(self._rng.random() * self._interval_s)

    def stop(self) -> None:
        """Pull nothing any more."""
        self.silence.expect(0.0)
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _wait(self, interval_s: float) -> None:
        now_s = self._clock.seconds()
        # Counted from when the last one was due; what was missed is left out.
        self._next_s += interval_s
        if not now_s <= self._next_s <= now_s + interval_s:
            self._next_s = now_s + interval_s
        self._call = self._clock.callLater(self._next_s - now_s, self._pull)

    def _pull(self) -> None:
        self._wait(self._interval_s)
        try:
            self._chores.at_pull()
        except Exception:  # whatever it is, the pull must leave: an observer would see that something happened
            log.failure("the work that is due at a pull failed")
        can_send = self._pulls.has_begun and self._session.maker() is not None and self._session.is_linked()
        if not can_send or self._session.send(self._pulls.next_pull(self._batch)):
            self.silence.heard()

"""How long a message would take, as things are now: the rates, what waits, and how our own loops fare."""

from __future__ import annotations

from client.api import NotRegisteredError, TimeEstimate
from client.core.health import LoopHealth
from client.core.timing.estimate import Conditions, estimate_message, estimate_request, overhead_s
from client.core.timing.parts import request_parts
from client.link.session import Session
from client.sending.outbox import Outbox
from client.sending.payloads import PayloadQueue
from loopixmix.requests.parts import PartSize

ENOUGH_LOOPS = 20
"""Fewer loops than this say nothing about how long packets take."""
PRIOR_LOOPS = 10
"""So many loops count as having come back: of the first three, one that is lost is no share of a third."""


class Forecast:
    """Tells how long sending takes."""

    def __init__(self, *, session: Session, queue: PayloadQueue, outbox: Outbox, health: LoopHealth) -> None:
        """Judge by the rates of `session`, by what waits in `queue` and `outbox`, and by the loops in `health`."""
        self._session = session
        self._queue = queue
        self._outbox = outbox
        self._health = health

    def conditions(self) -> Conditions:
        """Return the state of this moment; raise `NotRegisteredError` if no network is known yet."""
        known, health = self._session.known, self._health
        if known.params is None:
            raise NotRegisteredError("no network is known yet: nothing can be said about its times")
        returned_both_ways = 1 - health.lost / (health.returned + health.lost + PRIOR_LOOPS)
        measured_s = health.round_trip_mean_s if health.returned >= ENOUGH_LOOPS else 0.0
        return Conditions(
            params=known.params,
            policy=known.policy,
            loss=1 - returned_both_ways**0.5,
            overhead_s=overhead_s(known.params, round_trip_mean_s=measured_s),
            ahead=self._queue.at_hand,
            waiting=self._waiting(),
            recipient=known.network_params,
        )

    def message(self, fragments: int, *, waits_s: float = 0.0, is_sent_again: bool = True) -> TimeEstimate:
        """Return how long a message of so many fragments would take; see `estimate_message`."""
        return estimate_message(fragments, self.conditions(), waits_s=waits_s, is_sent_again=is_sent_again)

    def request(self, request_bytes: int, answer_bytes: int, size: PartSize) -> TimeEstimate:
        """Return how long a request would take until its answer is here; see `estimate_request`."""
        conditions = self.conditions()
        parts = request_parts(request_bytes, answer_bytes, size, loss=conditions.loss)
        return estimate_request(parts, conditions, free_items_per_s=conditions.params.free_pulls_per_s)

    def _waiting(self) -> list[float]:
        """Return how many packets of each flow wait, those of drafts that take the places of sealed ones included."""
        waiting = [float(count) for count in self._queue.waiting()]
        unsealed = self._outbox.unsealed_fragments
        if unsealed and not waiting:
            return [float(unsealed)]
        return [count + unsealed / len(waiting) for count in waiting]

"""Our own loops: packets that come back to us, as cover and to see whether packets get through."""

from __future__ import annotations

from dataclasses import dataclass

from client.core.expectation import Expectations, Expected
from client.core.health import LoopHealth
from client.core.packets import MadePacket
from client.link.session import Session
from loopixmix.seams import LoopLost, LoopReturned, LoopSent, Observer


@dataclass(frozen=True)
class _Loop:
    """The purpose of a loop's reply block."""

    loops: Loops
    made: MadePacket
    sent_at_s: float

    def on_answer(self, payload: bytes, now_s: float) -> bool:  # noqa: ARG002 (what comes back is empty)
        self.loops.returned(self.made, self.sent_at_s, now_s)
        return True

    def on_overdue(self, now_s: float) -> None:
        self.loops.lost(self.made, now_s)


class _StandIn:
    """The purpose of a stand-in's reply block: none, whether the answer was altered on its way or not."""

    def on_answer(self, payload: bytes, now_s: float) -> bool:  # noqa: ARG002 (it says nothing)
        return True

    def on_overdue(self, now_s: float) -> None:
        """Nothing: it is not waited for."""


_STAND_IN = Expected(_StandIn(), None)


class Loops:
    """The loops that are on their way."""

    def __init__(self, session: Session, expectations: Expectations, observer: Observer) -> None:
        """Wait for loops in `expectations`, as long as the network of `session` asks; `observer` hears of each."""
        self.health = LoopHealth()
        self._session = session
        self._expectations = expectations
        self._observer = observer

    def on_sent(self, made: MadePacket, now_s: float) -> None:
        """Note a loop that left."""
        deadline_s = now_s + self._session.known.policy.first_s
        self._expectations.expect(made.surb_id, Expected(_Loop(self, made, now_s), made.keys), deadline_s)
        self._observer.observe(LoopSent(now_s))

    def on_stand_in_sent(self, surb_id: bytes) -> None:
        """Note a packet that left in place of a payload: its answer tells nothing."""
        # Known for what it is all the same: an unknown answer is looked for in the store, which takes its time.
        self._expectations.expect(surb_id, _STAND_IN, None)

    # The methods below are for the expectations of these loops.

    def returned(self, made: MadePacket, sent_at_s: float, now_s: float) -> None:
        """Note a loop that came back."""
        # The clock may have been set back meanwhile.
        round_trip_s = max(0.0, now_s - sent_at_s)
        self.health.on_returned(round_trip_s)
        self._observer.observe(LoopReturned(now_s, round_trip_s, made.delays_s, made.delay_count))

    def lost(self, made: MadePacket, now_s: float) -> None:
        """Note a loop that did not come back in time; should it come later, it is not counted twice."""
        self._expectations.settle(made.surb_id)
        self.health.on_lost()
        self._observer.observe(LoopLost(now_s))

"""Our own loops: packets that come back to us, as cover and to see whether packets get through."""

from __future__ import annotations

from client.core.expectation import Expectations, Expected
from client.core.health import LoopHealth
from client.core.packets import MadePacket
from client.core.retry import RetryPolicy
from loopixmix.bounds import BoundedMap
from loopixmix.seams import Clock, LoopLost, LoopReturned, LoopSent, Observer
from loopixmix.sphinx import PacketError, Sphinx, open_reply

MAX_EXPECTED = 4096
MAX_STAND_INS = 4096
"""Stand-ins of which the answer is known for what it is; that of an older one is looked for in the store, in vain."""


class Loops:
    """The loops that are on their way."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        """Take the clock and who is told of each loop."""
        self.policy = RetryPolicy(first_s=60.0, longest_s=60.0)
        self.health = LoopHealth()
        self._clock = clock
        self._observer = observer
        self._expected: Expectations[MadePacket] = Expectations(capacity=MAX_EXPECTED)
        self._stand_ins: BoundedMap[bytes, None] = BoundedMap(MAX_STAND_INS)

    def on_sent(self, made: MadePacket, now_s: float) -> None:
        """Note a loop that left."""
        self._expected.expect(made.surb_id, Expected(made, made.keys, now_s), now_s + self.policy.timeout_s(1, 0.0))
        self._observer.observe(LoopSent(now_s))

    def on_stand_in_sent(self, surb_id: bytes) -> None:
        """Note a packet that left in place of a payload: its answer tells nothing."""
        self._stand_ins[surb_id] = None

    def on_reply(self, surb_id: bytes, body: bytes, sphinx: Sphinx) -> bool:
        """Take what came by a reply block; false where the block is not one of a loop."""
        expected = self._expected.find(surb_id)
        if expected is None:
            # What came back for a stand-in is worthless, altered or not.
            return self._forget_stand_in(surb_id)
        try:
            open_reply(expected.keys, body, sphinx=sphinx)
        except PacketError:
            return True  # altered on its way: it will count as lost
        self._expected.settle(surb_id)
        now_s = self._clock.seconds()
        round_trip_s = now_s - expected.sent_at_s
        made = expected.subject
        self.health.on_returned(round_trip_s)
        self._observer.observe(LoopReturned(now_s, round_trip_s, made.delays_s, made.delay_count))
        return True

    def _forget_stand_in(self, surb_id: bytes) -> bool:
        if surb_id not in self._stand_ins:
            return False
        del self._stand_ins[surb_id]
        return True

    def count_lost(self) -> None:
        """Note the loops that did not come back in time."""
        now_s = self._clock.seconds()
        for made in self._expected.overdue(now_s):
            self._expected.settle(made.surb_id)
            self.health.on_lost()
            self._observer.observe(LoopLost(now_s))

    def postpone(self) -> None:
        """Let nothing be lost before it could be: there was no link."""
        self._expected.postpone(self._clock.seconds() + self.policy.first_s)

"""Anonymity as it is: the entropy of a mix's output, and a watch over its own loops."""

from __future__ import annotations

import functools
from collections import deque
from math import comb, log2

MEAN_OVER_DEPARTURES = 1000
"""`LiveEntropy.mean_bits` weighs about this many of the latest departures."""

LOOP_LOSS_TOLERATED = 0.05
"""Loss of loops that an honest network may show: restarting nodes, broken connections."""
FALSE_ALARM_RATE = 1e-6
"""Chance that a window of loops raises an alarm though only the tolerated share is lost."""
LOOP_WINDOW = 50
"""Loops in a window."""


class LiveEntropy:
    """How uncertain an observer is about which arrival the latest departure was, in bits (Loopix App. A.1, eq. 5).

    With k messages arrived since the last departure and l older ones, all equally likely to leave next:
    `H = h(k/(k+l)) + k/(k+l) log2 k + l/(k+l) H_prev`, h being the binary entropy, H_0 = 0. One step is O(1).
    """

    __slots__ = ("_new", "_old", "bits", "departures", "mean_bits")

    def __init__(self) -> None:
        """Begin with an empty mix."""
        self._new = 0
        self._old = 0
        self.bits = 0.0
        self.mean_bits = 0.0
        self.departures = 0

    @property
    def held(self) -> int:
        """Messages in the mix."""
        return self._new + self._old

    def arrived(self) -> None:
        """Count one message in."""
        self._new += 1

    def departed(self) -> None:
        """Count one message out and take the next step of eq. 5; nothing if the mix is empty."""
        new, old = self._new, self._old
        held = new + old
        if held == 0:
            return
        self.bits = _step_bits(new, old, self.bits)
        self._old, self._new = held - 1, 0
        self.departures += 1
        self.mean_bits += (self.bits - self.mean_bits) / min(self.departures, MEAN_OVER_DEPARTURES)

    def removed(self) -> None:
        """Count one message out that was the last to arrive and ended in this node: no observer sees it leave."""
        if self._new:
            self._new -= 1

    def recount(self, held: int) -> None:
        """Correct the number of messages in the mix, after some were lost from it."""
        self._new = min(self._new, held)
        self._old = held - self._new


def _step_bits(new: int, old: int, previous_bits: float) -> float:
    held = new + old
    if new == 0:
        return previous_bits
    share = new / held
    bits = share * log2(new)
    if old:
        bits += -share * log2(share) - (1 - share) * log2(1 - share) + (1 - share) * previous_bits
    return bits


class LoopWatch:
    """Tells when more loops are lost than an honest network loses: links cut, or an n-1 attack (Loopix 4.2.1).

    Alarm: of the last `LOOP_WINDOW` loops so many were lost that, were each lost with probability
    `LOOP_LOSS_TOLERATED`, it would happen with probability below `FALSE_ALARM_RATE`.
    """

    __slots__ = ("_outcomes",)

    def __init__(self) -> None:
        """Begin without any loop."""
        self._outcomes: deque[bool] = deque(maxlen=LOOP_WINDOW)

    def returned(self) -> None:
        """Note a loop that came back."""
        self._outcomes.append(False)

    def was_lost(self) -> None:
        """Note a loop that did not."""
        self._outcomes.append(True)

    @property
    def lost(self) -> int:
        """Loops lost in the window."""
        return sum(self._outcomes)

    @property
    def watched(self) -> int:
        """Loops in the window."""
        return len(self._outcomes)

    @property
    def alarm(self) -> bool:
        """Tell whether too many were lost."""
        return self.lost >= fewest_lost_for_alarm(self.watched)


@functools.cache
def fewest_lost_for_alarm(watched: int) -> int:
    """Return how many of `watched` loops must be lost to raise an alarm; more than `watched` if none can."""
    tail = 0.0
    for lost in range(watched, -1, -1):
        tail += comb(watched, lost) * LOOP_LOSS_TOLERATED**lost * (1 - LOOP_LOSS_TOLERATED) ** (watched - lost)
        if tail >= FALSE_ALARM_RATE:
            return lost + 1
    return 0

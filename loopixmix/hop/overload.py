"""When a node has more to unwrap than it can, and how much may wait then.

A delay counts from a packet's arrival. A packet that waits for its unwrapping longer than for its delay leaves as soon
as it is unwrapped, in the order in which packets came, and is mixed with nothing. So what waits is bounded by time.
"""

from __future__ import annotations

from math import inf

from loopixmix.hop.limits import HopLimits

WAIT_SHARE = 0.25
"""In overload a packet waits at most this share of the mean delay, so that three in four are still mixed."""
LOST_AFTER_MEANS = 3.0
"""A packet that has waited for so many mean delays is lost: only one in twenty has some of its delay left."""
STANDING_S = 0.25
STANDING_PACKETS = 64
"""More than may wait in overload waits all the time while so many seconds pass, and so many packets are unwrapped."""


class Overload:
    """Judges by the length of the queue, and by how fast the node unwraps, whether it is overloaded.

    A process that was kept from running finds many packets when it runs again. They are no overload if they are soon
    unwrapped, and none of them is lost.
    """

    __slots__ = ("_is_on", "_limits", "_mean_s", "_shed_at_s", "_standing_since_s", "_unwrapped")

    def __init__(self, limits: HopLimits) -> None:
        """`limits`: how much may wait in any case."""
        self._limits = limits
        self._mean_s = inf
        self._standing_since_s: float | None = None
        self._unwrapped = 0
        self._shed_at_s = 0.0
        self._is_on = False

    def adopt(self, delay_mean_s: float) -> None:
        """Judge by the mean delay of a new network document."""
        self._mean_s = delay_mean_s

    def lost_before_s(self, now_s: float) -> float:
        """Return when a packet must have come to be unwrapped at `now_s`."""
        return now_s - LOST_AFTER_MEANS * self._mean_s

    def excess(self, waiting: int, unwraps_per_s: float, now_s: float) -> int:
        """Return how many of the packets that wait are too many: 0 in nearly all cases."""
        most = self._most(unwraps_per_s)
        if waiting <= most:
            return 0
        if self._is_on and not 0 <= now_s - self._shed_at_s < STANDING_S:
            # Nothing was too much lately. A short queue alone would not show that: a flood comes in bursts.
            self._is_on, self._standing_since_s = False, None
        # Also begun anew by a clock that was set back: it would be no overload for as long as it was set back.
        if self._standing_since_s is None or now_s < self._standing_since_s:
            self._standing_since_s, self._unwrapped = now_s, 0
        elif now_s - self._standing_since_s >= STANDING_S and self._unwrapped >= STANDING_PACKETS:
            self._is_on = True
        bound = most if self._is_on else self._limits.waiting_packets
        if waiting > bound:
            self._shed_at_s = now_s
        return max(0, waiting - bound)

    def took(self, count: int, waiting: int, unwraps_per_s: float) -> None:
        """Hear that `count` packets go to be unwrapped, and that `waiting` are left."""
        self._unwrapped += count
        if not self._is_on and waiting <= self._most(unwraps_per_s):
            self._standing_since_s = None

    def _most(self, unwraps_per_s: float) -> int:
        """Return how many packets may wait in overload."""
        limits = self._limits
        # Never less than a batch beside the one that is unwrapped: the processor is not to wait for packets.
        least = 2 * limits.batch_packets
        return int(min(limits.waiting_packets, max(least, unwraps_per_s * self._mean_s * WAIT_SHARE)))

"""Packets wait here for their delay and leave: one heap, one timer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf

from loopixmix.hop.mixing import Forward, Pool
from loopixmix.seams import Clock, DelayedCall, Identity, Network, Observer, PacketOut, PacketsHeld
from loopixmix.wire import FrameFormat

SET_BACK_S = 1.0
"""A timer that fires this much before its time shows that the clock was set back."""


_LITTLE, _RESERVED = 16, 8
"""When all places are taken, a peer that holds less than a sixteenth of them finds one in a further eighth."""


class Departures:
    """The packets of one node that wait for their delay; each leaves when its time has come, never before.

    A flood whose packets ask for the longest delays can take all places. Other peers then have a reserve.
    """

    def __init__(
        self, *, held_packets: int, frames: FrameFormat, clock: Clock, network: Network, observer: Observer
    ) -> None:
        """`held_packets`: how many may wait. `frames`: the form in which packets leave."""
        self._held_packets = held_packets
        self._frames = frames
        self._clock = clock
        self._network = network
        self._observer = observer
        self._pool = Pool()
        self._peers: dict[bytes, Identity] = {}
        """Who sent each packet that waits, by its replay tag."""
        self._held_by: Counter[Identity] = Counter()
        self._timer: DelayedCall | None = None
        self._timer_due_s = inf
        """When the timer fires; infinity if there is none."""
        self._latest_s = -inf
        """The time that `keep_time` heard last, or at which the timer fired."""

    def __len__(self) -> int:
        return len(self._pool)

    @property
    def next_at_s(self) -> float:
        """When the next packet leaves; infinity if none waits."""
        return self._pool.next_at_s

    def add(self, forward: Forward, peer: Identity) -> bool:
        """Let a packet of `peer` wait; false if too many do. `send_due` comes after the last one of a batch."""
        pool = self._pool
        if len(pool) >= self._held_packets and not self._has_reserve(peer):
            return False
        self._peers[forward.replay_tag] = peer
        self._held_by[peer] += 1
        pool.add(forward)
        return True

    def _has_reserve(self, peer: Identity) -> bool:
        most = self._held_packets
        return self._held_by[peer] < most // _LITTLE and len(self._pool) < most + most // _RESERVED

    def keep_time(self, now_s: float) -> None:
        """Hear what time it is, before `add`: where the clock was set back, packets wait no longer for that."""
        # The timer would see it, too (`_fire`). But a packet that comes before sets it anew, by the new time: those
        # that were here waited for as long as the clock was set back.
        if now_s < self._latest_s - SET_BACK_S:
            self._pool.shift(now_s - self._latest_s)
            self._cancel_timer()
        self._latest_s = now_s

    def send_due(self, now_s: float) -> None:
        """Send what is due at `now_s`, the present time, and set the timer for the rest."""
        pool = self._pool
        if pool.next_at_s <= now_s:
            self._send(pool.take_due(now_s), now_s)
        if pool.next_at_s < self._timer_due_s:
            self._set_timer(pool.next_at_s, now_s)

    def clear(self) -> None:
        """Forget every packet; no call is left."""
        self._pool.clear()
        self._peers.clear()
        self._held_by.clear()
        self._cancel_timer()

    def _send(self, due: Sequence[Forward], now_s: float) -> None:
        network, observer, frame = self._network, self._observer, self._frames.packet_frame
        some_lost = False
        peers, held_by = self._peers, self._held_by
        for forward in due:
            peer = peers.pop(forward.replay_tag)
            held_by[peer] -= 1
            if not held_by[peer]:
                # Clients come and go: those that hold nothing are forgotten.
                del held_by[peer]
            if network.send(forward.next_hop, frame(forward.packet)):
                observer.observe(PacketOut(now_s, forward.next_hop, forward.replay_tag, now_s - forward.at_s))
            else:
                some_lost = True
        if some_lost:
            observer.observe(PacketsHeld(now_s, len(self._pool)))

    def _set_timer(self, due_s: float, now_s: float) -> None:
        self._cancel_timer()
        self._timer_due_s = due_s
        self._timer = self._clock.callLater(max(0.0, due_s - now_s), self._fire)

    def _fire(self) -> None:
        # Reactors count delays on a clock that is never set. Where ours was set back while the timer ran, all would
        # wait for as long as it was set back: the delays are moved along with the clock instead.
        now_s = self._clock.seconds()
        early_s = self._timer_due_s - now_s
        self._timer, self._timer_due_s = None, inf
        if early_s > SET_BACK_S:
            self._pool.shift(-early_s)
        self._latest_s = now_s
        self.send_due(now_s)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer, self._timer_due_s = None, inf

"""Warnings to the user about the network: lost loops and thin traffic."""

from __future__ import annotations

import math

from loopixmix.observing.anonymity import LoopWatch
from loopixmix.params import NetworkParams

MIN_POOL = 2.0
"""Loopix 4.3 recommends lambda / mu of at least 2: as many packets, on average, in each mix."""

_LOSS_GAIN = 1 / 64
"""How much one loop counts for the measured loss: two minutes of loops at the default rates."""
_MOST_LOOP_LOSS = 0.75


class LoopHealth:
    """Our own loops: lost ones mean that packets are dropped on the way, by accident or by somebody."""

    def __init__(self) -> None:
        """Start without any loop."""
        self.returned = 0
        self.lost = 0
        self._round_trips_s = 0.0
        self._loop_loss = 0.0
        self._watch = LoopWatch()

    @property
    def round_trip_mean_s(self) -> float:
        """The mean of all round trips, 0 without any."""
        return self._round_trips_s / self.returned if self.returned else 0.0

    @property
    def ended(self) -> int:
        """How many loops came back or were lost."""
        return self.returned + self.lost

    @property
    def way_loss(self) -> float:
        """The probability that a packet is lost on one way, as loops, which go there and back, lately showed.

        At most a half; 0 before the first loop is lost. More of it is no accident, and nothing is to follow it.
        """
        return 1 - math.sqrt(1 - min(self._loop_loss, _MOST_LOOP_LOSS))

    @property
    def problem(self) -> str | None:
        """One line for the user, None while no more are lost than expected."""
        if not self._watch.alarm:
            return None
        return f"{self._watch.lost} of the last {self._watch.watched} test packets were lost: packets are being dropped"

    def on_returned(self, round_trip_s: float) -> None:
        """Note a loop that came back."""
        self.returned += 1
        self._round_trips_s += round_trip_s
        self._loop_loss -= _LOSS_GAIN * self._loop_loss
        self._watch.returned()

    def on_lost(self) -> None:
        """Note a loop that did not come back in time."""
        self.lost += 1
        self._loop_loss += _LOSS_GAIN * (1 - self._loop_loss)
        self._watch.was_lost()


def assured_pool(params: NetworkParams, *, mixes: int, providers: int) -> float:
    """Return how many packets are in each mix on average (lambda / mu), even if no other client is there.

    A mix's own loop passes each layer once; a provider's, and a client's, pass each layer there and back; the
    acknowledgement of a payload counts as if there were none.
    """
    # Our own traffic and that of the nodes only: other clients may go away at any time.
    width = mixes / params.layers
    node_packets_per_s = (mixes + 2 * providers) * params.node_loop_rate_per_s
    own_packets_per_s = params.payload_rate_per_s + 2 * params.loop_rate_per_s + params.drop_rate_per_s
    return (node_packets_per_s + own_packets_per_s) / width * params.delay_mean_s


def traffic_problem(pool: float) -> str | None:
    """Return one line if the traffic that is assured is too thin, otherwise None."""
    if pool >= MIN_POOL:
        return None
    return (
        f"traffic is thin: each mix holds {pool:.1f} packets without other users, fewer than {MIN_POOL:.0f}; "
        "an observer of the whole network may follow yours"
    )

"""How long to wait for an answer: as long as the delays there and back may take, longer at each further attempt.

A sum of equal exponential delays is Gamma distributed with a whole shape (Erlang).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams

LATE_PROBABILITY = 1e-4
"""How rarely the delays alone make an answer late."""
ON_THE_WAY_S = 2.0
"""The time that links, queues and stores may add to the delays of a round trip."""
JITTER = 0.5


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for an answer: `first_s`, twice as long at each further attempt, at most `longest_s`."""

    first_s: float
    longest_s: float

    def timeout_s(self, attempt: int, draw: float) -> float:
        """Return the wait after the attempt 1, 2, ...; `draw` (0 to 1, random) adds up to half of it."""
        doubled_s = self.first_s * 2.0 ** min(attempt - 1, 40)
        return min(doubled_s, max(self.longest_s, self.first_s)) * (1 + JITTER * draw)


CALLBACK_POLICY = RetryPolicy(first_s=1.0, longest_s=300.0)
"""When a message is offered again to an application that failed on it."""


def round_trip_policy(params: NetworkParams, *, longest_s: float) -> RetryPolicy:
    """Return when an answer by a reply block is overdue.

    There are `layers + 1` exponential delays each way, and the answer lies in the mailbox until it is pulled.
    """
    delays_s = quantile_s(2 * (params.layers + 1), params.delay_mean_s, LATE_PROBABILITY)
    return RetryPolicy(delays_s + 2 / params.pull_rate_per_s + ON_THE_WAY_S, longest_s)


def exceedance(shape: int, mean_s: float, time_s: float) -> float:
    """Return the probability that `shape` exponential delays of mean `mean_s` together take longer than `time_s`."""
    if shape < 1 or mean_s <= 0:
        raise MisuseError(f"no Erlang distribution has shape {shape} and mean {mean_s}")
    if time_s <= 0:
        return 1.0
    # The delays are the gaps of a Poisson process: fewer than `shape` events until `time_s`.
    events = time_s / mean_s
    return math.fsum(math.exp(n * math.log(events) - events - math.lgamma(n + 1)) for n in range(shape))


def quantile_s(shape: int, mean_s: float, exceeded_with: float) -> float:
    """Return the time that such a sum exceeds with the probability `exceeded_with` (0 to 1, both excluded)."""
    if not 0 < exceeded_with < 1:
        raise MisuseError(f"a probability lies between 0 and 1, unlike {exceeded_with}")
    low, high = 0.0, mean_s
    while exceedance(shape, mean_s, high) > exceeded_with:
        high *= 2
    # Halved so often, the interval is as short as a double can tell.
    for _ in range(60):
        middle = (low + high) / 2
        if exceedance(shape, mean_s, middle) > exceeded_with:
            low = middle
        else:
            high = middle
    return high

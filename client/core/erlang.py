"""The time a packet takes: a sum of equal exponential delays is Gamma distributed with a whole shape (Erlang)."""

from __future__ import annotations

import math

from loopixmix.errors import MisuseError


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
    for _ in range(60):
        middle = (low + high) / 2
        if exceedance(shape, mean_s, middle) > exceeded_with:
            low = middle
        else:
            high = middle
    return high

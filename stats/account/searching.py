"""Where a falling function crosses a bound, found from above: a privacy loss is rounded up, never down."""

from __future__ import annotations

import math
from collections.abc import Callable

PRECISION = 1e-6
"""Of what is found, as a share of it."""
_LOWEST_LOG = -200.0


def smallest(loss: Callable[[float], float], bound: float, highest: float) -> float:
    """Return the smallest x at which `loss` is at most `bound`, rounded up by at most `PRECISION` of itself.

    `loss`: falls from 0 to `highest`, where it is taken to be within the bound.
    """

    def height(x: float) -> float:
        return max(math.log(max(loss(x), 1e-300) / bound), _LOWEST_LOG)

    low, high = 0.0, highest
    at_low, at_high = height(low), height(high)
    if at_low <= 0:
        return 0.0
    turn = 0
    while high - low > PRECISION * high:
        turn += 1
        x = (low + high) / 2 if turn % 3 == 0 or at_high > 0 else _between(low, at_low, high, at_high)
        at_x = height(x)
        if at_x <= 0:
            high, at_high = x, at_x
        else:
            low, at_low = x, at_x
    return high


def _between(low: float, at_low: float, high: float, at_high: float) -> float:
    """Return where a line crosses zero, a little on the far side of the nearer end, so that both ends come closer."""
    width = high - low
    x = low + width * at_low / (at_low - at_high)
    away = min(PRECISION * high, width) / 2
    x += away if abs(at_high) > abs(at_low) else -away
    return min(max(x, low + away / 2), high - away / 2)

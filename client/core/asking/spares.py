"""How many shares are sent beside the needed ones, because some will be lost."""

from __future__ import annotations

import math
from functools import lru_cache

from loopixmix.requests.coding import MAX_SHARES

SHORTFALL = 0.02
"""How rarely the spares may not be enough. Then the rest is asked for, which takes another round trip."""
NEGLIGIBLE_LOSS = 0.002
MOST_LOSS = 0.5
"""Spares are for no more loss than this: behind more of it stands somebody whom spares do not stop."""
_MOST_CODING = 255
_CODING_UNIT = 256


def spare_shares(needed: int, loss: float) -> int:
    """Return how many shares to send beside `needed` ones, so that seldom (`SHORTFALL`) fewer than `needed` arrive.

    `loss`: the probability that one share does not arrive, 0 to 1. One lost share of few is likelier than not to be
    noticed late, so a single one has a spare only if `loss` is over `SHORTFALL`.
    """
    if needed < 1 or loss < NEGLIGIBLE_LOSS:
        return 0
    return _spares(needed, math.ceil(min(loss, MOST_LOSS) * 1000))


def coding_for(loss: float) -> int:
    """Return how many 256ths of an answer of unknown length its host is to send in addition: those that get lost."""
    # An answer of one share would have a second one for any fraction at all.
    if loss <= SHORTFALL:
        return 0
    loss = min(loss, MOST_LOSS)
    return min(_MOST_CODING, math.ceil(_CODING_UNIT * loss / (1 - loss)))


@lru_cache(maxsize=2048)
def _spares(needed: int, loss_per_mille: int) -> int:
    loss = loss_per_mille / 1000
    # The number of losses before the share number `needed` arrives has a negative binomial distribution.
    probability = reached = (1 - loss) ** needed
    spares = 0
    while reached < 1 - SHORTFALL and spares < MAX_SHARES:
        probability *= loss * (needed + spares) / (spares + 1)
        reached += probability
        spares += 1
    return spares

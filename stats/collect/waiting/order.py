"""An order drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loopixmix.seams import Rng


def random_order(count: int, rng: Rng) -> NDArray[np.int64]:
    """Return the numbers from 0 up to, not including, `count` in an order drawn from `rng`.

    A key of 64 bits is drawn for each, and they are sorted by it: a tenth of the time that `shuffle` takes with the
    system's randomness. Of ten million keys two are equal with a chance of 3 in a million, which moves two by a place.
    """
    keys = np.frombuffer(rng.randbytes(8 * count), dtype=np.uint64)
    return np.argsort(keys, kind="stable").astype(np.int64)

"""The nearest shares that are possible. Raw estimates may be negative, or add up to more than one."""

from __future__ import annotations

import numpy as np

from stats.estimate.reports import Numbers


def onto_simplex(raw: Numbers) -> Numbers:
    """Return the nearest shares from 0 up that add up to 1, by Euclidean distance (Duchi and others 2008, figure 1).

    Every share is lowered or raised by the same amount, and what is below 0 then becomes 0 (called norm-sub by Wang
    and others 2020, which found it best among the ways to make such estimates consistent).
    """
    if raw.size == 0:
        return raw.copy()
    descending = np.sort(raw)[::-1]
    shifts = (np.cumsum(descending) - 1) / np.arange(1, len(raw) + 1)
    kept = int(np.nonzero(descending > shifts)[0][-1])
    projected: Numbers = np.maximum(raw - shifts[kept], 0.0)
    return projected


def onto_unit(raw: Numbers) -> Numbers:
    """Return the nearest shares from 0 to 1, each for itself, as those of a multiple choice."""
    return np.clip(raw, 0.0, 1.0)

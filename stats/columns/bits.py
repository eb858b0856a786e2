"""How often each bit is set in a column of integers."""

from __future__ import annotations

import numpy as np

from stats.columns.seams import Column

_ADDED = 255
"""So many bytes that are 0 or 1 can be added within a byte."""
_WORDS = 1024
"""So many sums at a time: they stay in the processor's cache."""
_ONES = np.uint64(0x0101010101010101)


def count_bits(column: Column, bits: int) -> list[int]:
    """Return for each of `bits` bits, the lowest first, in how many of the integers it is set; `bits`: at most 64."""
    totals = np.zeros(64, dtype=np.int64)
    for start in range(0, len(column), _ADDED * _WORDS):
        part = column[start : start + _ADDED * _WORDS]
        words = -(-len(part) // _ADDED)
        if len(part) < words * _ADDED:
            part = np.concatenate((part, np.zeros(words * _ADDED - len(part), dtype=np.uint64)))
        # Eight bits at a time, one in each byte: a sum of such words is eight sums that do not touch.
        for shift in range(min(8, bits)):
            sums = ((part.reshape(_ADDED, words) >> np.uint64(shift)) & _ONES).sum(axis=0, dtype=np.uint64)
            totals[shift::8] += sums.astype("<u8").view(np.uint8).reshape(-1, 8).sum(axis=0, dtype=np.int64)
    return [int(total) for total in totals[:bits]]

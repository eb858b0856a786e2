"""How often each bit is set in a column of integers."""

from __future__ import annotations

import numpy as np

from stats.columns.seams import Column

_AT_ONCE = 255
"""So many bytes that are 0 or 1 can be added within a byte."""
_ONES = np.uint64(0x0101010101010101)


def count_bits(column: Column, bits: int) -> list[int]:
    """Return for each of `bits` bits, the lowest first, in how many of the integers it is set; `bits`: at most 64."""
    totals = np.zeros(64, dtype=np.int64)
    # Eight bits at a time, one in each byte: a sum of such words is eight sums that do not touch.
    for start in range(0, len(column), _AT_ONCE * 4096):
        part = column[start : start + _AT_ONCE * 4096]
        padded = np.zeros(-(-len(part) // _AT_ONCE) * _AT_ONCE, dtype=np.uint64)
        padded[: len(part)] = part
        for shift in range(min(8, bits)):
            sums = ((padded >> np.uint64(shift)) & _ONES).reshape(-1, _AT_ONCE).sum(axis=1, dtype=np.uint64)
            totals[shift::8] += sums.astype("<u8").view(np.uint8).reshape(-1, 8).sum(axis=0, dtype=np.int64)
    return [int(total) for total in totals[:bits]]

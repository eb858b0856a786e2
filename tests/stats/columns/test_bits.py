from __future__ import annotations

import numpy as np
import pytest

from stats.columns.bits import count_bits


@pytest.mark.parametrize("rows", [0, 1, 254, 255, 256, 255 * 1024, 255 * 1024 + 7])
@pytest.mark.parametrize("bits", [1, 8, 13, 64])
def test_bits_are_counted_as_they_are_one_by_one(rows: int, bits: int) -> None:
    column = np.random.default_rng(rows).integers(0, 2**64, rows, dtype=np.uint64)
    expected = [int((column >> np.uint64(bit) & np.uint64(1)).sum()) for bit in range(bits)]
    assert count_bits(column, bits) == expected


def test_bits_that_are_always_set_do_not_run_into_each_other() -> None:
    assert count_bits(np.full(100_000, 2**64 - 1, dtype=np.uint64), 64) == [100_000] * 64

from __future__ import annotations

import random
from collections import Counter

from stats.collect.waiting.order import random_order


def test_an_order_has_each_number_once() -> None:
    for count in (0, 1, 2, 1000):
        assert sorted(random_order(count, random.Random(1)).tolist()) == list(range(count))


def test_all_orders_are_equally_likely() -> None:
    # Chi-squared over the 24 orders of 4, 24,000 draws: beyond 80 once in 10^7 times.
    rng = random.Random(3)
    counts = Counter(tuple(random_order(4, rng).tolist()) for _ in range(24_000))
    assert len(counts) == 24
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 80

"""Backoff doubles its bound and draws below it."""

from __future__ import annotations

import random

import pytest

from loopixmix.process.backoff import Backoff


class HighestRng(random.Random):
    """Draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_bound_doubles_up_to_the_longest_and_begins_again() -> None:
    backoff = Backoff(rng=HighestRng(), first_s=0.25, longest_s=1.5)
    assert [backoff.next_s() for _ in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]
    backoff.reset()
    assert backoff.next_s() == 0.25


def test_jitter_is_full() -> None:
    """Uniform on [0, 1]: the mean of 2,000 draws is 0.5 +- 0.0065; seeded, five sigmas allowed."""
    backoff = Backoff(rng=random.Random(3), first_s=1.0, longest_s=1.0)
    waits = [backoff.next_s() for _ in range(2000)]
    assert min(waits) < 0.01
    assert max(waits) > 0.99
    assert sum(waits) / len(waits) == pytest.approx(0.5, abs=0.033)

"""Whether windows of posting are told from windows of rest."""

from __future__ import annotations

import random

import pytest

from benchmarks.lateness import chance, right_guesses, worst_s


def test_a_threshold_tells_what_differs() -> None:
    rest = [0.001 * number for number in range(12)]
    posting = [each + 1.0 for each in rest]
    assert right_guesses(posting, rest) == 24
    assert chance(posting, rest, random.Random(1)) < 0.001


@pytest.mark.parametrize("seed", range(3))
def test_what_does_not_differ_is_told_no_better_than_by_chance(seed: int) -> None:
    """H0: both from one distribution; with these three seeds no false alarm at the 5 % level."""
    rng = random.Random(seed)
    posting, rest = ([rng.expovariate(1.0) for _ in range(12)] for _ in range(2))
    assert right_guesses(posting, rest) >= 12
    assert chance(posting, rest, random.Random(1)) > 0.05


def test_the_longest_pause_of_a_window_counts() -> None:
    pulls_s = [0.0, 0.1, 0.2, 0.35, 0.4, 0.5, 1.5]
    assert worst_s(pulls_s, 0.0, 0.6, 0.1) == pytest.approx(0.05)
    assert worst_s(pulls_s, 0.36, 0.6, 0.1) == pytest.approx(0.0)


def test_a_window_without_pulls_is_no_calm_one() -> None:
    with pytest.raises(ValueError, match="less than half of what was due"):
        worst_s([0.0, 0.1, 0.2], 0.05, 1.05, 0.1)

"""What corrupt mixes and guesses get, in closed form."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from simulations.formulas.corruption import (
    balanced_corrupt_path_share,
    fifo_guess_success,
    n_minus_one_success,
    random_corrupt_path_share,
    seen_within,
)
from simulations.formulas.loops import fewest_lost_for_alarm


def test_five_hundred_packets_over_a_tenth_of_corrupt_mixes() -> None:
    assert balanced_corrupt_path_share(0.1, 3) == pytest.approx(1e-3)
    assert seen_within(1e-3, 500) == pytest.approx(0.3936, abs=5e-5)


def test_random_placement_by_listing_all_of_them() -> None:
    mixes, corrupt, layers = 6, 3, 2
    placements = list(itertools.combinations(range(mixes), corrupt))
    hits = sum(set(range(layers)) <= set(placement) for placement in placements)
    assert random_corrupt_path_share(corrupt, mixes, layers) == pytest.approx(hits / len(placements))


@given(corrupt=st.integers(0, 30), layers=st.integers(1, 5))
def test_random_placement_is_never_worse_than_balanced(corrupt: int, layers: int) -> None:
    assert random_corrupt_path_share(corrupt, 30, layers) <= balanced_corrupt_path_share(corrupt / 30, layers) + 1e-15


@given(share=st.floats(0, 1), packets=st.integers(0, 10**6))
def test_seeing_one_of_more_packets_is_likelier(share: float, packets: int) -> None:
    assert 0 <= seen_within(share, packets) <= seen_within(share, packets + 1) <= 1


def test_corruption_refuses_what_is_no_share() -> None:
    for wrong in (
        lambda: balanced_corrupt_path_share(1.1, 3),
        lambda: seen_within(float("nan"), 3),
        lambda: random_corrupt_path_share(7, 6, 2),
        lambda: fifo_guess_success(-1.0, 1.0),
        lambda: fewest_lost_for_alarm(0, 0.05, 1e-6),
    ):
        with pytest.raises(MisuseError):
            wrong()


def test_fifo_without_others_is_certain_and_with_many_a_coin() -> None:
    assert fifo_guess_success(0.0, 1.0) == 1.0
    assert fifo_guess_success(1e9, 1.0) == pytest.approx(0.5)
    assert fifo_guess_success(2.0, 0.5) == pytest.approx(1 - 2 / (2 * (2 + 2)))


def test_n_minus_one_fails_with_loops() -> None:
    assert n_minus_one_success(1.0, 2.0, 0.0, 0.0) == 1.0
    assert n_minus_one_success(1.0, 2.0, 100.0, 100.0) == pytest.approx(0.01)

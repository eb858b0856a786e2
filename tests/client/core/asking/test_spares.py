from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.core.asking.spares import MOST_LOSS, SHORTFALL, coding_for, spare_shares
from loopixmix.requests.answers import wanted_shares


def test_without_loss_there_are_no_spares() -> None:
    assert spare_shares(1, 0.0) == spare_shares(200, 0.0) == spare_shares(50, 0.001) == 0
    assert coding_for(0.0) == 0


def test_a_single_share_has_a_spare_only_if_loss_is_over_two_per_cent() -> None:
    assert spare_shares(1, SHORTFALL) == 0
    assert spare_shares(1, 0.021) == 1
    assert wanted_shares(1, coding_for(SHORTFALL), 0) == 1
    assert wanted_shares(1, coding_for(0.021), 0) == 2


def test_nothing_needed_has_no_spares() -> None:
    assert spare_shares(0, 0.3) == 0


@pytest.mark.parametrize(("needed", "loss"), [(3, 0.05), (50, 0.05), (132, 0.05), (50, 0.2), (1, 0.3)])
def test_spares_suffice_as_often_as_promised_and_one_fewer_does_not(needed: int, loss: float) -> None:
    # Null hypothesis: a shortfall has at most the probability 2 %. Of 20,000 draws, more than 2.4 % fall short once in
    # 38,000 runs (four standard errors); the draws are seeded.
    rng, spares = random.Random(1), spare_shares(needed, loss)

    def shortfalls(extra: int) -> float:
        runs = 20_000 if needed < 10 else 4_000
        lost = (sum(rng.random() < loss for _ in range(needed + extra)) for _ in range(runs))
        return sum(count > extra for count in lost) / runs

    assert shortfalls(spares) <= SHORTFALL + (0.004 if needed < 10 else 0.009)
    assert shortfalls(spares - 1) > SHORTFALL - 0.004


@given(st.integers(1, 140), st.floats(0, 1))
def test_more_loss_never_means_fewer_spares(needed: int, loss: float) -> None:
    spares = spare_shares(needed, loss)
    assert 0 <= spares <= spare_shares(needed, 1.0) <= 255
    assert spares <= spare_shares(needed + 1, loss)
    assert 0 <= coding_for(loss) <= coding_for(MOST_LOSS) <= 255

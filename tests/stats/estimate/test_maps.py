"""Cells stand in their places, and trips add up by place."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from stats.estimate.maps import heat_map, place_flows
from stats.estimate.reports import counted
from stats.estimate.shares import estimated_shares
from stats.estimate.sums import share_sums
from stats.estimate.supporting import support_counts
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.truth import TrueAnswer
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import drawn_reports


def test_a_cell_stands_in_its_row_and_column() -> None:
    reports = counted({(0,): 50, (4,): 30, (6,): 20})
    made = heat_map(estimated_shares(support_counts(TrueAnswer(7), reports), one_each=True, reports=100), 2, 3)
    assert made.possible.tolist() == [[0.5, 0.0, 0.0], [0.0, 0.3, 0.0]]
    assert made.outside == pytest.approx(0.2)
    assert made.hidden.tolist() == [[False, True, True], [True, False, True]]
    assert (made.low[0, 0], made.high[0, 0]) == pytest.approx((0.404, 0.596), abs=0.001)
    with pytest.raises(MisuseError, match="2 by 2"):
        heat_map(estimated_shares(support_counts(TrueAnswer(7), reports), one_each=True, reports=100), 2, 2)


def test_true_trips_add_up_by_place() -> None:
    made = place_flows(share_sums(TrueAnswer(4), counted({(0,): 10, (1,): 30, (2,): 60})), 2)
    assert made.leaving[:, 0] == pytest.approx([0.4, 0.6])
    assert made.arriving[:, 0] == pytest.approx([0.7, 0.3])


def test_intervals_of_flows_hold_the_truth() -> None:
    # H0: 95 % on the mean over 10 sums; 200 surveys, beyond 4 standard deviations of the mean once in 15,000 seeds.
    rng, mechanism = np.random.default_rng(14), HadamardResponse(25, Weights(12, 1))
    trips = rng.dirichlet(np.ones(25))
    true = np.concatenate([trips.reshape(5, 5).sum(axis=1), trips.reshape(5, 5).sum(axis=0)])
    covered = []
    for _ in range(200):
        made = place_flows(share_sums(mechanism, drawn_reports(mechanism, trips, 2_000, rng)), 5)
        rows = np.concatenate([made.leaving, made.arriving])
        covered.append(((rows[:, 1] <= true) & (rows[:, 2] >= true)).mean())
    assert abs(np.mean(covered) - 0.95) < 4 * np.std(covered) / 200**0.5


def test_other_numbers_of_places_are_refused() -> None:
    with pytest.raises(MisuseError, match="places"):
        place_flows(share_sums(TrueAnswer(5), counted({(0,): 1})), 2)

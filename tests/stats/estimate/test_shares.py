"""Estimates have no bias, and their intervals hold the truth as often as they say."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from stats.estimate.reports import counted
from stats.estimate.shares import EstimatedShares, estimated_shares
from stats.estimate.supporting import support_counts
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import drawn_reports

WEIGHTS = Weights(12, 1)
SHARES = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
EXCLUSIVE = [RandomisedResponse(5, WEIGHTS), HadamardResponse(5, WEIGHTS), UnaryEncoding(5, WEIGHTS)]


@pytest.mark.parametrize("mechanism", EXCLUSIVE, ids=lambda each: type(each).__name__)
def test_intervals_hold_the_truth_in_95_of_100_surveys(mechanism: Mechanism) -> None:
    # H0: an interval covers with 0.95. 2,000 surveys of 5 values; beyond 4 standard deviations of the mean, once in
    # 15,000 seeds. The estimates of one survey depend on each other, so that it counts as one.
    rng, surveys = np.random.default_rng(14), 2_000
    covered, raws = [], []
    for _ in range(surveys):
        made = estimated_shares(
            support_counts(mechanism, drawn_reports(mechanism, SHARES, 1_000, rng)), one_each=True, reports=1_000
        )
        covered.append(((made.low <= SHARES) & (made.high >= SHARES)).mean())
        raws.append(made.raw)
    assert abs(np.mean(covered) - 0.95) < 4 * np.std(covered) / surveys**0.5
    assert (abs(np.mean(raws, axis=0) - SHARES) < 4 * np.std(raws, axis=0) / surveys**0.5).all()


def test_a_multiple_choice_has_a_share_of_each_option() -> None:
    mechanism, rng = SampledBit(3, WEIGHTS), np.random.default_rng(2)
    of_sets = np.zeros(8)
    of_sets[[0b000, 0b001, 0b011, 0b111]] = 0.4, 0.3, 0.2, 0.1
    supports = support_counts(mechanism, drawn_reports(mechanism, of_sets, 300_000, rng))
    made = estimated_shares(supports, one_each=False, reports=300_000)
    assert made.raw == pytest.approx([0.6, 0.3, 0.1], abs=0.01)
    assert made.counts == pytest.approx([180_000, 90_000, 30_000], abs=3_000)
    assert made.possible == pytest.approx(made.raw)


def test_what_clients_send_is_estimated() -> None:
    rng, mechanism = random.Random(3), RandomisedResponse(3, WEIGHTS)
    sent = Counter(mechanism.randomise(value, rng) for value in [0] * 600 + [1] * 300 + [2] * 100)
    supports = support_counts(mechanism, counted({(report,): count for report, count in sent.items()}))
    made = estimated_shares(supports, one_each=True, reports=1_000)
    assert ((made.low < [0.6, 0.3, 0.1]) & (made.high > [0.6, 0.3, 0.1])).all()


def test_raw_shares_may_be_negative_and_possible_ones_are_not() -> None:
    mechanism = RandomisedResponse(3, Weights(2, 1))
    made = estimated_shares(support_counts(mechanism, counted({(0,): 100})), one_each=True, reports=100)
    assert made.raw.tolist() == pytest.approx([3.0, -1.0, -1.0])
    assert made.possible.tolist() == pytest.approx([1.0, 0.0, 0.0])
    share, low, high = made.shown()
    assert np.isnan(share[1:]).all()
    assert 0 <= low[0] <= share[0] <= high[0] <= 1


def test_what_a_page_shows_is_within_the_interval_beside_it() -> None:
    raw, half = np.array([1.5, 0.2]), 0.1
    nothing = np.array([False, False])
    made = EstimatedShares(100, raw, raw - half, raw + half, np.array([1.0, 0.0]), nothing, one_each=True)
    share, low, high = made.shown()
    assert (share.tolist(), low.tolist(), high.tolist()) == ([1, 0], [1, 0], [1, pytest.approx(0.3)])


def test_without_reports_nothing_is_known() -> None:
    made = estimated_shares(support_counts(EXCLUSIVE[0], counted({})), one_each=True, reports=0, min_cell=0)
    assert (made.low <= 0).all()
    assert (made.high >= 1).all()
    assert made.possible.sum() == pytest.approx(1.0)


def test_one_report_moves_an_estimate_by_at_most_one_over_the_gap() -> None:
    for mechanism in EXCLUSIVE:
        gap = float(mechanism.supports.p - mechanism.supports.q)
        honest = {(0,): 999}
        before = estimated_shares(support_counts(mechanism, counted(honest)), one_each=True, reports=999)
        for report in range(1, mechanism.outputs):
            after = estimated_shares(
                support_counts(mechanism, counted({**honest, (report,): 1})), one_each=True, reports=1_000
            )
            assert (abs(after.counts - before.counts) <= 1 / gap + 1e-9).all()

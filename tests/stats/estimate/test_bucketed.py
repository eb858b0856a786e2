"""Means and quantiles of bucketed numbers, whatever the mechanism."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from stats.estimate.bucketed import BucketEdges, estimated_mean, estimated_quantiles
from stats.estimate.reports import ReportCounts, counted
from stats.estimate.sums import ShareSums, share_sums
from stats.estimate.supporting import support_counts, support_matrix
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.truth import TrueAnswer
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import drawn_reports, report_probabilities

WEIGHTS = Weights(12, 1)
EDGES = BucketEdges((0, 10, 20, 30, 50, 100))
SHARES = np.array([0.1, 0.2, 0.4, 0.25, 0.05])
MECHANISMS = [RandomisedResponse(5, WEIGHTS), HadamardResponse(5, WEIGHTS), UnaryEncoding(5, WEIGHTS)]


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: type(each).__name__)
def test_intervals_hold_the_truth_in_95_of_100_surveys(mechanism: Mechanism) -> None:
    # H0: an interval covers with 0.95. 150 surveys, three intervals; each off by 4 standard deviations (0.0178) once
    # in 15,000 seeds.
    rng, surveys = np.random.default_rng(14), 150
    mean = float(EDGES.middles @ SHARES)
    median, upper = (float(np.interp(level, [0.0, *np.cumsum(SHARES)], EDGES.edges)) for level in (0.5, 0.9))
    covered = np.zeros(3)
    for _ in range(surveys):
        sums = share_sums(mechanism, drawn_reports(mechanism, SHARES, 2_000, rng))
        found = [estimated_mean(sums, EDGES), *estimated_quantiles(sums, EDGES, (0.5, 0.9))]
        covered += [each.low <= true <= each.high for each, true in zip(found, (mean, median, upper), strict=True)]
    assert (abs(covered / surveys - 0.95) < 4 * 0.0178).all()


def test_true_answers_give_the_plain_mean_and_quantiles() -> None:
    sums = share_sums(TrueAnswer(4), counted({(0,): 100, (1,): 300, (2,): 500, (3,): 100}))
    edges = BucketEdges((0, 10, 20, 30, 40))
    mean = estimated_mean(sums, edges)
    assert mean.value == pytest.approx(0.1 * 4.5 + 0.3 * 14.5 + 0.5 * 24.5 + 0.1 * 35)
    assert mean.rounding == pytest.approx(0.9 * 4.5 + 0.1 * 5)
    [median] = estimated_quantiles(sums, edges, [0.5])
    assert median.value == pytest.approx(22.0)
    # At 22, a fifth into its bucket, the share below varies by sqrt((0.4 + 0.5 * 0.2**2 - 0.5**2) / 1000) = 0.0130. It
    # grows by 0.05 for each unit, so that the interval reaches 1.96 * 0.0130 / 0.05 = 0.51 to each side.
    assert (median.low, median.high) == pytest.approx((21.49, 22.51), abs=0.03)


def test_the_noise_of_all_shares_together_falls_out() -> None:
    mechanism, rng = HadamardResponse(5, WEIGHTS), np.random.default_rng(1)
    reports = drawn_reports(mechanism, SHARES, 1_000, rng)
    everybody = share_sums(mechanism, reports).of(np.ones(5))
    assert (everybody.value, everybody.deviation) == pytest.approx((1.0, 0.0))


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: type(each).__name__)
def test_the_deviation_is_that_of_the_reports_themselves(mechanism: Mechanism) -> None:
    # As many reports of each kind as there should be. What one of them adds to a weighted sum is known exactly.
    shares, weights = np.array([0.7, 0.3, 0.0, 0.0, 0.0]), np.array([10.0, -3.0, 4.0, 1.0, 20.0])
    probabilities = shares @ report_probabilities(mechanism)
    counts = np.round(probabilities * 10**12).astype(np.int64)
    reports = ReportCounts(np.arange(mechanism.outputs), counts)
    found = share_sums(mechanism, reports).of(weights)
    supported, _ = support_matrix(mechanism, reports.reports)
    p, q = float(mechanism.supports.p), float(mechanism.supports.q)
    # The weighted sum is that of centred weights: their shares add up to one.
    added = (weights - weights @ shares) @ (supported - q) / (p - q)
    variance = probabilities @ added**2 - (probabilities @ added) ** 2
    assert found.value == pytest.approx(weights @ shares)
    assert found.deviation == pytest.approx((variance / reports.total) ** 0.5, rel=1e-6)


def test_what_has_no_mean_is_refused() -> None:
    sums = share_sums(MECHANISMS[0], counted({(0,): 5}))
    with pytest.raises(MisuseError, match="6 edges"):
        estimated_mean(sums, BucketEdges((0, 1, 2)))
    with pytest.raises(MisuseError, match="level"):
        estimated_quantiles(sums, EDGES, [1.0])
    with pytest.raises(MisuseError, match="no report"):
        share_sums(MECHANISMS[0], counted({}))
    options = SampledBit(2, WEIGHTS)
    with pytest.raises(MisuseError, match="multiple choice"):
        share_sums(options, counted({(0,): 5}))
    hadamard = MECHANISMS[1]
    with pytest.raises(MisuseError, match="one by one"):
        ShareSums(hadamard, support_counts(hadamard, ReportCounts(np.array([0]), np.array([3]))), None)

"""How often the 95 % intervals of all mechanisms hold the truth.

For each case 10,000 surveys are drawn from one seed: people from a population, and a report of each. The coverage of a
case is the share of its intervals that hold the truth, over all values and all surveys. With so many surveys it is
known to 0.2 %, and better where one survey has many values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, barred, tell
from stats.estimate.bucketed import BucketEdges, estimated_mean, estimated_quantiles
from stats.estimate.crossing import estimated_cells
from stats.estimate.reports import PairCounts, ReportCounts
from stats.estimate.shares import estimated_shares
from stats.estimate.sums import share_sums
from stats.estimate.supporting import support_counts
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.truth import TrueAnswer
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import report_probabilities

FIGURES = ("coverage_least", "coverage_most")
LEAST_BAR, MOST_BAR = 94.3, 96.5
REPETITIONS = 10_000
SEED = 14
SMALL, LARGE = 1_000, 20_000
"""People in a survey."""
WEIGHTS = Weights(20, 1)
LEVELS = (0.25, 0.5, 0.9)

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CoverageCase:
    """A kind of estimate: the probability of each report, and whether the intervals of one survey hold the truth."""

    name: str
    people: int
    probabilities: Numbers
    covers: Callable[[NDArray[np.int64]], Flags]


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    found = [coverage_of(case) for case in cases()]
    yield barred("coverage_least", min(found), "%", bar=LEAST_BAR, better="higher")
    yield barred("coverage_most", max(found), "%", bar=MOST_BAR, better="lower")


def coverage_of(case: CoverageCase, repetitions: int = REPETITIONS) -> float:
    """Return how many of 100 intervals hold the truth."""
    rng = np.random.default_rng(SEED)
    held = [case.covers(rng.multinomial(case.people, case.probabilities)) for _ in range(repetitions)]
    of_each = 100 * np.mean(held, axis=0)
    coverage = float(of_each.mean())
    tell(f"{case.name}, {case.people:,} people: {coverage:.2f} % ({of_each.min():.1f} to {of_each.max():.1f})")
    return coverage


def cases() -> Iterator[CoverageCase]:
    """Yield all cases: shares of every mechanism, means and quantiles of numbers, cross tables."""
    for people in (SMALL, LARGE):
        for mechanism in (
            *(RandomisedResponse(5, WEIGHTS), RandomisedResponse(20, WEIGHTS), HadamardResponse(100, WEIGHTS)),
            *(UnaryEncoding(12, WEIGHTS), TrueAnswer(5)),
        ):
            yield shares_case(mechanism, people, falling(mechanism.domain), falling(mechanism.domain))
        options = SampledBit(4, WEIGHTS)
        of_sets = falling(options.domain)
        chosen = np.array([of_sets[np.arange(len(of_sets)) >> option & 1 == 1].sum() for option in range(4)])
        yield shares_case(options, people, of_sets, chosen)
    for numbers in (RandomisedResponse(10, WEIGHTS), HadamardResponse(10, WEIGHTS), UnaryEncoding(10, WEIGHTS)):
        yield numbers_case(numbers, SMALL)
    yield cross_case((RandomisedResponse(3, WEIGHTS), HadamardResponse(4, WEIGHTS)), SMALL)
    yield cross_case((UnaryEncoding(3, WEIGHTS), SampledBit(2, WEIGHTS)), LARGE)


def falling(values: int) -> Numbers:
    """Return shares that fall from value to value, as those of most real questions do."""
    weights: Numbers = 1 / (np.arange(values) + 1)
    shares: Numbers = weights / weights.sum()
    return shares


def shares_case(mechanism: Mechanism, people: int, shares: Numbers, true: Numbers) -> CoverageCase:
    """Return the case of the shares of one question. `true`: of what has an estimate, the values or options."""
    reports, one_each = np.arange(mechanism.outputs), not isinstance(mechanism, SampledBit)

    def covers(counts: NDArray[np.int64]) -> Flags:
        supports = support_counts(mechanism, ReportCounts(reports, counts))
        made = estimated_shares(supports, one_each=one_each, reports=people)
        return (made.low <= true) & (made.high >= true)

    return CoverageCase(f"shares, {name_of(mechanism)}", people, shares @ report_probabilities(mechanism), covers)


def numbers_case(mechanism: Mechanism, people: int) -> CoverageCase:
    """Return the case of mean and quantiles."""
    reports, shares = np.arange(mechanism.outputs), falling(mechanism.domain)
    buckets = BucketEdges(tuple(10 * step for step in range(mechanism.domain + 1)))
    below = [0.0, *np.cumsum(shares)]
    true = [float(buckets.middles @ shares), *(float(np.interp(level, below, buckets.edges)) for level in LEVELS)]

    def covers(counts: NDArray[np.int64]) -> Flags:
        sums = share_sums(mechanism, ReportCounts(reports, counts))
        mean, quantiles = estimated_mean(sums, buckets), estimated_quantiles(sums, buckets, LEVELS)
        bounds = [(mean.low, mean.high), *((each.low, each.high) for each in quantiles)]
        return np.array([low <= value <= high for (low, high), value in zip(bounds, true, strict=True)])

    probabilities = shares @ report_probabilities(mechanism)
    return CoverageCase(f"mean and quantiles, {name_of(mechanism)}", people, probabilities, covers)


def cross_case(mechanisms: tuple[Mechanism, Mechanism], people: int) -> CoverageCase:
    """Return the case of a cross table of two questions that depend on each other."""
    first, second = mechanisms
    joint = np.outer(falling(first.domain), falling(second.domain)[::-1])
    joint[0, 0] += 0.5
    joint /= joint.sum()
    true = joint
    if isinstance(second, SampledBit):
        sets = np.arange(second.domain)
        true = np.array([joint[:, sets >> option & 1 == 1].sum(axis=1) for option in range(second.options)]).T
    probabilities = report_probabilities(first).T @ joint @ report_probabilities(second)
    rows, columns = (each.ravel() for each in np.indices(probabilities.shape))

    def covers(counts: NDArray[np.int64]) -> Flags:
        made = estimated_cells(mechanisms, PairCounts(rows, columns, counts))
        return ((made.low <= true) & (made.high >= true)).ravel()

    return CoverageCase(f"cross table, {name_of(first)} by {name_of(second)}", people, probabilities.ravel(), covers)


def name_of(mechanism: Mechanism) -> str:
    """Return how a line calls it."""
    return f"{type(mechanism).__name__} of {mechanism.domain}"

"""Cross tables of two questions of one report: the inverse of both mechanisms at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from loopixmix.errors import FormatError, MisuseError
from stats.estimate.binomial import CONFIDENCE, deviations
from stats.estimate.projection import onto_simplex, onto_unit
from stats.estimate.reports import Flags, Numbers, PairCounts
from stats.estimate.supporting import support_matrix, values_of
from stats.estimate.suppression import MIN_CELL, hidden_cells
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit

MOST_CELLS = 10_000
_MOST_AT_ONCE = 4_000_000
"""Entries of a matrix of supports; a table of many different reports is counted in pieces of this size."""


@dataclass(frozen=True, eq=False)
class EstimatedCells:
    """The share of each pair of values: a row for each value of the first question, a column for each of the second."""

    reports: int
    raw: Numbers
    low: Numbers
    high: Numbers
    possible: Numbers
    hidden: Flags

    @property
    def counts(self) -> Numbers:
        """How many of those who sent the reports have both values, without bias."""
        return self.raw * self.reports


@dataclass(frozen=True, eq=False)
class PairSupports:
    """For each pair of values: reports that support both, the first, the second; and those that tell of both."""

    both: Numbers
    first: Numbers
    second: Numbers
    told: Numbers


def estimated_cells(
    mechanisms: tuple[Mechanism, Mechanism],
    pairs: PairCounts,
    *,
    min_cell: int = MIN_CELL,
    confidence: float = CONFIDENCE,
    repeats: int = 1,
) -> EstimatedCells:
    """Return the share of each pair of values; raise `MisuseError` if there are over `MOST_CELLS`.

    A report stands for (S1 - q1) (S2 - q2) / ((p1 - q1) (p2 - q2)), where S says whether it supports a value. Both
    questions are randomised independently, so that its mean is the share of the pair. The interval is a score test
    turned round, as Wilson's is: the variance is that which the share itself would cause. `repeats`: in so many
    periods one person may have sent the same report, which then tells as much as one.
    """
    supports = pair_supports(mechanisms, pairs)
    n = np.maximum(supports.told, 1.0)
    shares = (supports.both / n, supports.first / n, supports.second / n)
    (p1, q1), (p2, q2) = [(float(each.supports.p), float(each.supports.q)) for each in mechanisms]
    gap = (p1 - q1) * (p2 - q2)
    raw = (shares[0] - q1 * shares[2] - q2 * shares[1] + q1 * q2) / gap
    known = supports.told > 0
    raw = np.where(known, raw, 0.0)
    constant, slope = _squares((p1, q1), (p2, q2), shares)
    low, high = _score_interval(raw, constant, slope, n / repeats, deviations(confidence))
    one_each = [not isinstance(each, SampledBit) for each in mechanisms]
    possible = onto_simplex(raw.ravel()).reshape(raw.shape) if all(one_each) else onto_unit(raw)
    hidden = hidden_cells(raw * pairs.total, rows_add_up=one_each[1], columns_add_up=one_each[0], min_cell=min_cell)
    return EstimatedCells(pairs.total, raw, np.where(known, low, 0.0), np.where(known, high, 1.0), possible, hidden)


def pair_supports(mechanisms: tuple[Mechanism, Mechanism], pairs: PairCounts) -> PairSupports:
    """Count the supports of each pair of values; raise `MisuseError` for too many, `FormatError` for a bad report."""
    rows, columns = values_of(mechanisms[0]), values_of(mechanisms[1])
    if rows * columns > MOST_CELLS:
        raise MisuseError(f"a cross table has at most {MOST_CELLS} cells, not {rows * columns}")
    for mechanism, reports in zip(mechanisms, (pairs.first, pairs.second), strict=True):
        if reports.size and not 0 <= int(reports.min()) <= int(reports.max()) < mechanism.outputs:
            raise FormatError(f"a report of this mechanism is below {mechanism.outputs}")
    made = [np.zeros((rows, columns)) for _ in range(4)]
    for part in _parts(len(pairs.counts), max(rows, columns)):
        first, told_first = support_matrix(mechanisms[0], pairs.first[part])
        second, told_second = support_matrix(mechanisms[1], pairs.second[part])
        weighted, told_weighted = first * pairs.counts[part], told_first * pairs.counts[part]
        for total, left, right in (
            (made[0], weighted, second),
            (made[1], weighted, told_second),
            (made[2], told_weighted, second),
            (made[3], told_weighted, told_second),
        ):
            total += left.astype(float) @ right.astype(float).T
    return PairSupports(*made)


def _parts(length: int, values: int) -> Iterator[slice]:
    step = max(1, _MOST_AT_ONCE // values)
    return (slice(begin, begin + step) for begin in range(0, length, step))


def _squares(
    first: tuple[float, float], second: tuple[float, float], shares: tuple[Numbers, Numbers, Numbers]
) -> tuple[Numbers, float]:
    """Return the mean square of what a report stands for, as constant + slope * (share of the pair)."""
    (one1, none1), (one2, none2) = [(((1 - q) / (p - q)) ** 2, (q / (p - q)) ** 2) for p, q in (first, second)]
    (p1, q1), (p2, q2) = first, second
    of_both = (one1 - none1) * (one2 - none2)
    # If the share is f, this share of reports supports both: (p1 - q1) (p2 - q2) f, and what the noise alone gives.
    by_noise = q1 * shares[2] + q2 * shares[1] - q1 * q2
    constant = (
        by_noise * of_both + shares[1] * (one1 - none1) * none2 + shares[2] * none1 * (one2 - none2) + none1 * none2
    )
    return constant, (p1 - q1) * (p2 - q2) * of_both


def _score_interval(raw: Numbers, constant: Numbers, slope: float, n: Numbers, z: float) -> tuple[Numbers, Numbers]:
    """Solve (raw - f)^2 = z^2 (constant + slope f - f^2) / n for f."""
    weight = z * z / n
    middle = (2 * raw + weight * slope) / (2 * (1 + weight))
    product = (raw**2 - weight * constant) / (1 + weight)
    half = np.sqrt(np.maximum(middle**2 - product, 0.0))
    return middle - half, middle + half

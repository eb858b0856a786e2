"""Reports of many people at once: their exact distribution, and numpy's generator to draw from it.

The randomisers themselves are tested against the same distribution. A million calls of them would take seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats.estimate.reports import PairCounts, ReportCounts
from stats.estimate.supporting import support_matrix
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.unary import UnaryEncoding

Numbers = NDArray[np.float64]


def report_probabilities(mechanism: Mechanism) -> Numbers:
    """Return the probability of each report (column) of each value (row); for few reports only."""
    outputs = np.arange(mechanism.outputs)
    p, q = float(mechanism.supports.p), float(mechanism.supports.q)
    if isinstance(mechanism, SampledBit):
        sets = np.arange(mechanism.domain)[:, np.newaxis]
        told = (sets >> (outputs // 2)) & 1 == outputs % 2
        return np.where(told, p, q) / mechanism.options
    supported, _ = support_matrix(mechanism, outputs)
    if isinstance(mechanism, UnaryEncoding):
        bits = np.where(np.eye(mechanism.domain, dtype=bool), p, q)[:, :, np.newaxis]
        made: Numbers = np.prod(np.where(supported[np.newaxis], bits, 1 - bits), axis=1)
        return made
    if isinstance(mechanism, HadamardResponse):
        return np.where(supported, p, 1 - p) / (mechanism.outputs / 2)
    return np.where(supported, p, q)


def drawn_reports(mechanism: Mechanism, shares: Numbers, people: int, rng: np.random.Generator) -> ReportCounts:
    """Return the reports of `people` who are drawn from a population in which `shares` have each value."""
    return ReportCounts(np.arange(mechanism.outputs), rng.multinomial(people, shares @ report_probabilities(mechanism)))


def drawn_pairs(
    mechanisms: tuple[Mechanism, Mechanism], joint: Numbers, people: int, rng: np.random.Generator
) -> PairCounts:
    """Return the reports of two questions; `joint` has the share of each pair of values."""
    first, second = mechanisms
    probabilities = report_probabilities(first).T @ joint @ report_probabilities(second)
    rows, columns = np.indices(probabilities.shape)
    return PairCounts(rows.ravel(), columns.ravel(), rng.multinomial(people, probabilities.ravel()))

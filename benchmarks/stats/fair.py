"""A real survey: how happy 6,366 people call their marriage, from 1 to 5 (Fair 1978, in statsmodels).

Everybody answers by k-ary randomised response. Their reports are shuffled together, so that a large local loss becomes
an amplified loss of 1. The error of an estimated share is held against what the variance of the mechanism foretells,
and against the error with a local loss of 1, which is what each person would need without a network that shuffles.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import repeat

import numpy as np
from statsmodels.datasets import fair

from benchmarks.report import Figure, barred, tell
from stats.account.shuffling import Company, largest_eps0
from stats.estimate.reports import counted
from stats.estimate.shares import estimated_shares
from stats.estimate.supporting import support_counts
from stats.questionnaire.odds import weights_for
from stats.randomise.krr import RandomisedResponse
from stats.randomise.weights import Weights

FIGURES = ("fair_error_vs_theory", "gain_over_local")
RUNS = 200
EPS, DELTA, MOST_EPS0 = 1.0, 1e-6, 8.0
CLOSE, GAIN_BAR = 0.1, 10.0
SEED = 14


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    answers = [int(answer) - 1 for answer in fair.load_pandas().data["rate_marriage"]]
    values = max(answers) + 1
    eps0 = largest_eps0(EPS, Company(len(answers), DELTA), MOST_EPS0, blanket_domain=values)
    shuffled, local = mechanism_with(eps0, values), mechanism_with(EPS, values)
    error, theory = mean_error(shuffled, answers, RUNS), expected_error(shuffled, answers)
    local_error = mean_error(local, answers, RUNS)
    tell(f"eps0 {eps0:.2f}: error {error:.5f}, theory {theory:.5f}; with eps0 {EPS:g}: error {local_error:.5f}")
    ratio = error / theory
    yield Figure(
        name="fair_error_vs_theory",
        value=ratio,
        unit="",
        reference=1.0,
        ratio=ratio,
        bar=1 + CLOSE,
        met=abs(ratio - 1) <= CLOSE,
    )
    yield barred("gain_over_local", local_error / error, "times", bar=GAIN_BAR, better="higher")


def mechanism_with(eps0: float, values: int) -> RandomisedResponse:
    """Return randomised response with at most that local loss."""
    true, false = weights_for(Fraction(eps0))
    return RandomisedResponse(values, Weights(true, false))


def mean_error(mechanism: RandomisedResponse, answers: Sequence[int], runs: int) -> float:
    """Return the mean distance of an estimated share from the true one, over all values and runs."""
    true, rng = shares_of(answers), random.Random(SEED)
    errors = []
    for _ in range(runs):
        sent = Counter(map(mechanism.randomise, answers, repeat(rng)))
        supports = support_counts(mechanism, counted({(report,): count for report, count in sent.items()}))
        made = estimated_shares(supports, one_each=True, reports=len(answers))
        errors.append(np.abs(made.raw - true).mean())
    return float(np.mean(errors))


def expected_error(mechanism: RandomisedResponse, answers: Sequence[int]) -> float:
    """Return what the mean distance should be (Wang, Blocki, Li, Jha 2017, equation 2): the people are fixed here.

    n f reports support a value with p, the others with q. A normal deviate is sqrt(2/pi) away on average.
    """
    p, q, n, true = float(mechanism.supports.p), float(mechanism.supports.q), len(answers), shares_of(answers)
    variance = (true * p * (1 - p) + (1 - true) * q * (1 - q)) / (n * (p - q) ** 2)
    return float(np.sqrt(variance).mean() * math.sqrt(2 / math.pi))


def shares_of(answers: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the true shares."""
    return np.bincount(answers) / len(answers)

"""The frequencies of a million reports of each mechanism, against the probabilities that the page states.

H0: reports have exactly these probabilities. Pearson's chi-squared over all reports, 1,000,000 seeded draws for each
mechanism, rejected below p = 0.001. With another seed, one of the four tests fails in 250 runs; with this one, none.
A report that is likelier by 1 % than it should be is found almost surely.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import repeat

import numpy as np
import pytest
from scipy import stats

from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights

DRAWS = 1_000_000
FALSE_ALARMS = 0.001
WEIGHTS = Weights(true=3 * 2**30 + 1, false=2**30)
HONEST = WEIGHTS.true / WEIGHTS.total


def krr(value: int) -> tuple[Mechanism, list[float]]:
    total = WEIGHTS.true + 6 * WEIGHTS.false
    return RandomisedResponse(7, WEIGHTS), [
        (WEIGHTS.true if report == value else WEIGHTS.false) / total for report in range(7)
    ]


def hadamard(value: int) -> tuple[Mechanism, list[float]]:
    even = [(report & (value + 1)).bit_count() % 2 == 0 for report in range(16)]
    return HadamardResponse(10, WEIGHTS), [(HONEST if each else 1 - HONEST) / 8 for each in even]


def unary(value: int) -> tuple[Mechanism, list[float]]:
    set_bit = [0.5 if place == value else 1 - HONEST for place in range(4)]
    return UnaryEncoding(4, WEIGHTS), [
        float(np.prod([p if report >> place & 1 else 1 - p for place, p in enumerate(set_bit)])) for report in range(16)
    ]


def sampled_bit(value: int) -> tuple[Mechanism, list[float]]:
    told = [report % 2 == value >> report // 2 & 1 for report in range(10)]
    return SampledBit(5, WEIGHTS), [(HONEST if each else 1 - HONEST) / 5 for each in told]


@pytest.mark.parametrize(("built", "value"), [(krr, 4), (hadamard, 5), (unary, 2), (sampled_bit, 0b01101)])
def test_reports_have_the_probabilities_of_the_page(built: object, value: int) -> None:
    assert callable(built)
    mechanism, probabilities = built(value)
    rng = random.Random(14)
    counts = Counter(map(mechanism.randomise, repeat(value, DRAWS), repeat(rng)))
    observed = np.array([counts[report] for report in range(len(probabilities))])
    assert observed.sum() == DRAWS
    assert stats.chisquare(observed, np.array(probabilities) * DRAWS).pvalue > FALSE_ALARMS

"""The list of frequent values holds those that are there, and hardly ever one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from stats.estimate.frequent import frequent_values
from stats.estimate.reports import counted
from stats.estimate.shares import estimated_shares
from stats.estimate.supporting import SupportCounts, support_counts
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.truth import TrueAnswer
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import drawn_reports

MECHANISM = HadamardResponse(400, Weights(55, 1))
SHARES = np.zeros(400)
SHARES[[17, 200, 333]] = 0.5, 0.3, 0.2


def survey(rng: np.random.Generator) -> SupportCounts:
    return support_counts(MECHANISM, drawn_reports(MECHANISM, SHARES, 1_000, rng))


def frequent(supports: SupportCounts, most: int = 10, reports: int = 1_000) -> list[int]:
    shares = estimated_shares(supports, one_each=True, reports=reports)
    return [each.value for each in frequent_values(supports, shares, most=most)]


def test_what_is_there_is_listed_and_the_rest_seldom() -> None:
    # H0: in at most 5 % of surveys a value is listed that nobody has. 300 surveys; at most 5 % + 4 * 1.3 %.
    rng = np.random.default_rng(14)
    lists = [frequent(survey(rng)) for _ in range(300)]
    assert sum(found == [17, 200, 333] for found in lists) > 270
    assert sum(not {17, 200, 333}.issuperset(found) for found in lists) / 300 < 0.05 + 4 * 0.013


def test_without_the_correction_noise_would_look_frequent() -> None:
    supports = survey(np.random.default_rng(14))
    shares = estimated_shares(supports, one_each=True, reports=1_000)
    assert ((shares.low > 0) & (SHARES == 0)).sum() > 3


def test_the_list_is_as_short_as_asked() -> None:
    assert frequent(survey(np.random.default_rng(1)), most=2) == [17, 200]


def test_few_people_are_not_listed_even_if_they_are_surely_there() -> None:
    supports = support_counts(TrueAnswer(4), counted({(0,): 50, (1,): 4, (2,): 6}))
    assert frequent(supports, reports=60) == [0, 2]


def test_a_bad_probability_is_refused() -> None:
    supports = survey(np.random.default_rng(1))
    shares = estimated_shares(supports, one_each=True, reports=1_000)
    with pytest.raises(MisuseError):
        frequent_values(supports, shares, most=3, false_values=0)

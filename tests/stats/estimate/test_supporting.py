"""Supports are counted as each report on its own says."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from loopixmix.errors import FormatError, MisuseError
from stats.estimate.reports import ReportCounts, counted
from stats.estimate.supporting import support_counts, support_matrix, supports_of_bits, values_of, walsh_hadamard
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.truth import TrueAnswer
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights

WEIGHTS = Weights(3, 1)
MECHANISMS = [
    *(RandomisedResponse(6, WEIGHTS), HadamardResponse(6, WEIGHTS), HadamardResponse(8, WEIGHTS)),
    *(UnaryEncoding(6, WEIGHTS), SampledBit(4, WEIGHTS), TrueAnswer(6)),
]


def sent(mechanism: Mechanism, people: int) -> ReportCounts:
    rng = random.Random(5)
    reports = Counter(mechanism.randomise(rng.randrange(mechanism.domain), rng) for _ in range(people))
    return counted({(report,): count for report, count in reports.items()})


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=str)
def test_all_supports_are_those_of_each_report(mechanism: Mechanism) -> None:
    reports = sent(mechanism, 500)
    supports = support_counts(mechanism, reports)
    supported, told = support_matrix(mechanism, reports.reports)
    assert supports.supported.tolist() == (supported @ reports.counts).tolist()
    assert supports.told.tolist() == (told @ reports.counts).tolist()
    assert len(supports.told) == values_of(mechanism)


def test_hadamard_supports_are_the_shared_bits_of_the_page() -> None:
    supported, _ = support_matrix(HadamardResponse(6, WEIGHTS), np.arange(8))
    for value in range(6):
        for report in range(8):
            assert supported[value, report] == ((report & (value + 1)).bit_count() % 2 == 0)


def test_the_transform_is_that_of_the_matrix() -> None:
    rows = np.array([[(-1) ** (row & column).bit_count() for column in range(16)] for row in range(16)])
    values = np.random.default_rng(1).integers(0, 100, 16)
    assert walsh_hadamard(values).tolist() == (rows @ values).tolist()


def test_bits_that_a_store_counted_give_the_same() -> None:
    mechanism = UnaryEncoding(6, WEIGHTS)
    reports = sent(mechanism, 300)
    bits = [sum(int(c) for r, c in zip(reports.reports, reports.counts, strict=True) if r >> b & 1) for b in range(6)]
    of_bits = supports_of_bits(mechanism, bits, reports.total)
    assert of_bits.supported.tolist() == support_counts(mechanism, reports).supported.tolist()
    with pytest.raises(FormatError, match="6 bits"):
        supports_of_bits(mechanism, bits[:5], reports.total)


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=str)
def test_what_is_no_report_is_refused(mechanism: Mechanism) -> None:
    for bad in (-1, mechanism.outputs):
        with pytest.raises(FormatError):
            support_counts(mechanism, ReportCounts(np.array([bad]), np.array([1])))


def test_an_empty_survey_supports_nothing() -> None:
    for mechanism in MECHANISMS:
        assert support_counts(mechanism, counted({})).told.sum() == 0


def test_domains_too_large_to_count_are_refused() -> None:
    with pytest.raises(MisuseError, match="values are counted"):
        support_counts(RandomisedResponse(2**40, WEIGHTS), counted({}))

"""Cross tables of two questions that are randomised each for itself."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import FormatError, MisuseError
from stats.estimate.crossing import estimated_cells
from stats.estimate.reports import PairCounts, counted_pairs
from stats.estimate.supporting import support_matrix
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.truth import TrueAnswer
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights
from tests.worlds.stats.populations import drawn_pairs, report_probabilities

WEIGHTS = Weights(20, 1)
JOINT = np.array([[0.2, 0.1, 0.05, 0.05], [0.05, 0.25, 0.05, 0.05], [0.05, 0.0, 0.1, 0.05]])


@pytest.mark.parametrize(
    "mechanisms",
    [
        (RandomisedResponse(3, WEIGHTS), HadamardResponse(4, WEIGHTS)),
        (UnaryEncoding(3, WEIGHTS), RandomisedResponse(4, WEIGHTS)),
        (TrueAnswer(3), UnaryEncoding(4, WEIGHTS)),
    ],
    ids=["krr and hadamard", "unary and krr", "none and unary"],
)
def test_intervals_hold_the_truth_in_95_of_100_surveys(mechanisms: tuple[Mechanism, Mechanism]) -> None:
    # H0: an interval covers with 0.95, on the mean over the 12 cells. 1,000 surveys; off by 4 standard deviations once
    # in 15,000 seeds.
    rng, surveys = np.random.default_rng(14), 1_000
    made = [estimated_cells(mechanisms, drawn_pairs(mechanisms, JOINT, 2_000, rng)) for _ in range(surveys)]
    covered = np.array([((each.low <= JOINT) & (each.high >= JOINT))[JOINT > 0].mean() for each in made])
    assert abs(covered.mean() - 0.95) < 4 * covered.std() / surveys**0.5
    raws = np.array([each.raw for each in made])
    assert (abs(raws.mean(axis=0) - JOINT) < 4 * raws.std(axis=0) / surveys**0.5 + 1e-12).all()


def test_the_interval_is_that_of_the_reports_themselves() -> None:
    # As many reports of each pair as there should be. What one of them stands for is known exactly.
    first, second = RandomisedResponse(3, Weights(4, 1)), UnaryEncoding(4, Weights(9, 1))
    probabilities = report_probabilities(first).T @ JOINT @ report_probabilities(second)
    rows, columns = (each.ravel() for each in np.indices(probabilities.shape))
    counts = np.round(probabilities.ravel() * 10**12).astype(np.int64)
    made = estimated_cells((first, second), PairCounts(rows, columns, counts))
    for row, column in np.ndindex(JOINT.shape):
        stands = np.ones(len(counts))
        for mechanism, reports, value in ((first, rows, row), (second, columns, column)):
            p, q = float(mechanism.supports.p), float(mechanism.supports.q)
            stands = stands * (support_matrix(mechanism, reports)[0][value] - q) / (p - q)
        mean = probabilities.ravel() @ stands
        variance = probabilities.ravel() @ stands**2 - mean**2
        assert made.raw[row, column] == pytest.approx(mean, abs=1e-9)
        half = (made.high - made.low)[row, column] / 2
        assert half == pytest.approx(1.959964 * (variance / counts.sum()) ** 0.5, rel=1e-4)


def test_options_of_a_multiple_choice_by_a_single_choice() -> None:
    mechanisms = (SampledBit(2, WEIGHTS), RandomisedResponse(3, WEIGHTS))
    # Rows: nothing, the first option, the second, both.
    joint = np.array([[0.1, 0.1, 0.1], [0.2, 0.0, 0.1], [0.0, 0.2, 0.0], [0.1, 0.0, 0.1]])
    made = estimated_cells(mechanisms, drawn_pairs(mechanisms, joint, 500_000, np.random.default_rng(1)))
    assert made.raw == pytest.approx(np.array([[0.3, 0.0, 0.2], [0.1, 0.2, 0.1]]), abs=0.01)
    assert made.counts == pytest.approx(made.raw * 500_000)


def test_true_answers_give_the_plain_table() -> None:
    made = estimated_cells((TrueAnswer(2), TrueAnswer(2)), counted_pairs({(0, 0): 30, (0, 1): 50, (1, 1): 20}))
    assert made.raw.tolist() == [[0.3, 0.5], [0.0, 0.2]]
    assert made.hidden.all()  # the only zero takes a cell of its row and column with it, and they the last one


def test_a_table_of_many_different_reports_is_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    mechanisms = (UnaryEncoding(3, WEIGHTS), HadamardResponse(4, WEIGHTS))
    pairs = drawn_pairs(mechanisms, JOINT, 5_000, np.random.default_rng(1))
    whole = estimated_cells(mechanisms, pairs)
    monkeypatch.setattr("stats.estimate.crossing._MOST_AT_ONCE", 40)
    assert estimated_cells(mechanisms, pairs).raw == pytest.approx(whole.raw)


def test_without_reports_nothing_is_known() -> None:
    made = estimated_cells((TrueAnswer(2), TrueAnswer(3)), counted_pairs({}))
    assert made.low.max() == 0
    assert made.high.min() == 1


def test_too_large_tables_and_bad_reports_are_refused() -> None:
    with pytest.raises(MisuseError, match="cells"):
        estimated_cells((TrueAnswer(101), TrueAnswer(100)), counted_pairs({}))
    one = np.array([1])
    with pytest.raises(FormatError):
        estimated_cells((TrueAnswer(2), TrueAnswer(2)), PairCounts(one, one + 1, one))

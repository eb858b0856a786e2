"""Scores and grades: brute force and a published example."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from votelib.evaluate.cardinal import MajorityJudgment

from votes.tally.cardinal import elected_by_majority_judgment, median_grades, score_sums
from votes.tally.outcomes import Elected

PROFILES = st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(1, 12)).flatmap(
    lambda sizes: st.lists(
        st.lists(st.integers(0, sizes[1] - 1), min_size=sizes[2], max_size=sizes[2]).map(
            lambda grades: [grades.count(grade) for grade in range(sizes[1])]
        ),
        min_size=sizes[0],
        max_size=sizes[0],
    )
)


def _medians(histogram: list[int]) -> tuple[int, ...]:
    """Return the medians in the order in which they are taken away, one ballot after another."""
    grades = sorted(grade for grade, count in enumerate(histogram) for _ in range(count))
    taken = []
    while grades:
        # The best grade is 0 and stands first: of two in the middle, the worse one is the later one.
        taken.append(grades.pop(len(grades) // 2))
    return tuple(taken)


@given(PROFILES, st.integers(1, 4))
def test_majority_judgment_takes_medians_away_one_by_one(histograms: list[list[int]], seats: int) -> None:
    seats = min(seats, len(histograms))
    values = [_medians(histogram) for histogram in histograms]
    order = sorted(range(len(histograms)), key=values.__getitem__)
    limit = values[order[seats - 1]]
    sure = [option for option in order if values[option] < limit]
    at = [option for option in order if values[option] == limit]
    fits = len(sure) + len(at) == seats
    expected = Elected(tuple(order[:seats])) if fits else Elected(tuple(sure), tuple(at), seats - len(sure))
    assert elected_by_majority_judgment(histograms, seats) == expected
    assert median_grades(histograms) == [value[0] for value in values]


@given(PROFILES)
def test_another_library_agrees_on_two_options(histograms: list[list[int]]) -> None:
    """votelib is right about two options, if their grades differ."""
    pair = histograms[:2]
    if pair[0] != pair[1]:
        votes = {
            frozenset({(option, -grade)}): count
            for option, histogram in enumerate(pair)
            for grade, count in enumerate(histogram)
            if count
        }
        (winner,) = MajorityJudgment().evaluate(votes, 1)
        assert elected_by_majority_judgment(pair, 1) == Elected((winner,))


def test_three_options_that_another_library_cannot_order() -> None:
    assert elected_by_majority_judgment([[4, 1, 0], [4, 0, 1], [3, 2, 0]], 3) == Elected((0, 1, 2))


def test_a_million_ballots_and_many_options_take_no_time() -> None:
    histograms = [[200_000, 300_000 - option, option, 199_999, 150_000, 150_001] for option in range(1_000)]
    assert elected_by_majority_judgment(histograms, 999).winners == tuple(range(999))


def test_the_capital_of_tennessee() -> None:
    """An example that texts on the method use: 100 voters grade four towns by distance, and Nashville wins."""
    memphis, nashville, chattanooga, knoxville = [42, 0, 0, 58], [26, 42, 32, 0], [15, 43, 42, 0], [17, 15, 26, 42]
    histograms = [memphis, nashville, chattanooga, knoxville]
    assert median_grades(histograms) == [3, 1, 1, 2]
    assert elected_by_majority_judgment(histograms, 1) == Elected((1,))


def test_equal_grades_are_a_tie() -> None:
    assert elected_by_majority_judgment([[2, 1], [2, 1], [1, 2]], 1) == Elected((), (0, 1), 1)
    assert elected_by_majority_judgment([[2, 1], [2, 1], [1, 2]], 2) == Elected((0, 1))
    assert elected_by_majority_judgment([[1, 2], [2, 1], [1, 2]], 2) == Elected((1,), (0, 2), 1)


@given(PROFILES)
def test_sums_are_sums(histograms: list[list[int]]) -> None:
    assert score_sums(histograms) == {
        option: sum(value * count for value, count in enumerate(each)) for option, each in enumerate(histograms)
    }

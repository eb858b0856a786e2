"""Scores, by votelib, and grades (docs/protocol/votes.md, 2.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby
from typing import TypeAlias

import votelib.convert

from votes.tally.outcomes import Elected
from votes.tally.seats import elected_by_layers

Histogram: TypeAlias = Sequence[int]
"""How often an option got each value: 0, 1, 2 .."""


def score_sums(histograms: Sequence[Histogram]) -> dict[int, int]:
    """Return the sum of each option's scores."""
    found: Mapping[int, int] = votelib.convert.ScoreToSimpleVotes("sum").convert(_votes(histograms))
    return {option: int(found.get(option, 0)) for option in range(len(histograms))}


def median_grades(histograms: Sequence[Histogram]) -> list[int]:
    """Return the median of each option's grades, the worse one of two in the middle. Grade 0 is the best.

    Each option has at least one grade.
    """
    found = []
    for histogram in histograms:
        # Of n grades, the one at place n // 2 from the best, counted from 0.
        place, seen, grade = sum(histogram) // 2, histogram[0], 0
        while seen <= place:
            grade += 1
            seen += histogram[grade]
        found.append(grade)
    return found


def elected_by_majority_judgment(histograms: Sequence[Histogram], seats: int) -> Elected:
    """Return the winners by majority judgment (Balinski and Laraki 2010, chapter 13).

    `histograms`: of grades, the best first; all options have equally many grades, at least one.

    votelib's `MajorityJudgment` is not used: an option that has lost stays among those whose medians it takes away, so
    that of three options an equal one may be missed, or none be found (votelib 0.4.0, grades 4-1-0, 4-0-1, 3-2-0).
    """
    values = _majority_values([list(accumulate(histogram)) for histogram in histograms])
    ordered = sorted(range(len(values)), key=values.__getitem__)
    layers = (tuple(layer) for _, layer in groupby(ordered, key=values.__getitem__))
    return elected_by_layers(tuple(layers), seats)


def _majority_values(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return for each option a list that is smaller for a better one, and equal for equal grades.

    `rows`: for each option, how many of its grades are the best one, are one of the best two, and so on. So its grades
    stand in a row, the best first, and the median is at place `n // 2`. If it is taken away, the next median stands
    beside it: for odd `n` on the worse side, for even `n` on the better one. After that the sides alternate.

    The list holds the grades in the order in which they are taken away; of neighbours that are the same for all
    options, it holds the first.
    """
    middle = rows[0][-1] // 2
    ends = {end for row in rows for end in row}
    distances = {1} | {end - middle for end in ends} | {middle - end + 1 for end in ends}
    side = 1 if rows[0][-1] % 2 else -1
    places = [middle]
    for distance in sorted(each for each in distances if 1 <= each <= middle):
        places += (middle + side * distance, middle - side * distance)
    # A place beyond the row, for even `n`, gives the same for all.
    return [[bisect_right(row, place) for place in places] for row in rows]


def _votes(histograms: Sequence[Histogram]) -> dict[frozenset[tuple[int, int]], int]:
    """Return ballots with one score each: votelib counts the same with them, and a million need not be made."""
    return {
        frozenset({(option, value)}): count
        for option, histogram in enumerate(histograms)
        for value, count in enumerate(histogram)
        if count
    }

"""Scores and grades, by votelib (docs/protocol/votes.md, 2.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import votelib.convert
import votelib.evaluate.cardinal

from votes.tally.outcomes import Elected

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
    """Return the winners by majority judgment (Balinski and Laraki 2010).

    `histograms`: of grades, the best first. Two options are tied only if each grade was given to both equally often
    (Balinski and Laraki, theorem 13.1, for equally many grades). So equal histograms stand for one option here, and
    votelib, which raises an error for them, never meets them.
    """
    equal: dict[Histogram, list[int]] = {}
    for option, histogram in enumerate(histograms):
        equal.setdefault(tuple(histogram), []).append(option)
    left = {options[0]: histogram for histogram, options in equal.items()}
    winners: list[int] = []
    method = votelib.evaluate.cardinal.MajorityJudgment()
    while left and len(winners) < seats:
        # For votelib a higher number is a better grade.
        votes = {
            frozenset({(option, -grade)}): count
            for option, histogram in left.items()
            for grade, count in enumerate(histogram)
            if count
        }
        (best,) = method.evaluate(votes, 1)
        options = equal[left.pop(best)]
        open_seats = seats - len(winners)
        if len(options) > open_seats:
            return Elected(tuple(winners), tuple(options), open_seats)
        winners += options
    return Elected(tuple(winners))


def _votes(histograms: Sequence[Histogram]) -> dict[frozenset[tuple[int, int]], int]:
    """Return ballots with one score each: votelib counts the same with them, and a million need not be made."""
    return {
        frozenset({(option, value)}): count
        for option, histogram in enumerate(histograms)
        for value, count in enumerate(histogram)
        if count
    }

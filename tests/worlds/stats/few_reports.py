"""The exact worst case of a few shuffled reports, by going through everything that the others may have answered."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Randomiser = NDArray[np.float64]
"""A row for each answer: how likely each report is."""


def krr(domain: int, eps0: float) -> Randomiser:
    """Return k-ary randomised response."""
    odds = math.exp(eps0)
    return (np.ones((domain, domain)) + np.eye(domain) * (odds - 1)) / (odds + domain - 1)


def unary(domain: int, eps0: float) -> Randomiser:
    """Return optimised unary encoding, its bits as one number."""
    other = 1 / (math.exp(eps0) + 1)
    rows = []
    for value in range(domain):
        likely = []
        for bits in range(2**domain):
            each = [(other if bits >> j & 1 else 1 - other) if j != value else 0.5 for j in range(domain)]
            likely.append(math.prod(each))
        rows.append(likely)
    return np.array(rows)


def sampled_bit(eps0: float) -> Randomiser:
    """Return one of two bits, drawn evenly, by binary randomised response; the answers 0 and 1 differ in both bits."""
    kept = math.exp(eps0) / (math.exp(eps0) + 1)
    answers = ((0, 0), (1, 1), (0, 1), (1, 0))
    reports = [(option, bit) for option in range(2) for bit in range(2)]
    return np.array([[(kept if answer[j] == bit else 1 - kept) / 2 for j, bit in reports] for answer in answers])


def hadamard(domain: int, eps0: float) -> Randomiser:
    """Return Hadamard response: even reports of the half that the answer's row of the matrix marks are likelier."""
    size = 1 << domain.bit_length()
    kept = math.exp(eps0) / (math.exp(eps0) + 1)
    marked = [[(row & report).bit_count() % 2 == 0 for report in range(size)] for row in range(1, domain + 1)]
    return np.array([[(kept if mark else 1 - kept) * 2 / size for mark in row] for row in marked])


def histograms(randomiser: Randomiser, most: int) -> Iterator[tuple[int, list[Table]]]:
    """Yield n, and for each multiset of n - 1 answers the distribution of the histogram of their reports.

    A histogram is an index into a table with one axis for each report but the last, since the sum is known.
    """
    answers, reports = randomiser.shape
    none = np.zeros((most + 1,) * (reports - 1))
    none[(0,) * (reports - 1)] = 1
    level = {(0,) * answers: none}
    for n in range(1, most + 1):
        yield n, list(level.values())
        if n == most:
            return
        following: dict[tuple[int, ...], Table] = {}
        for multiset, table in level.items():
            last = max((answer for answer in range(answers) if multiset[answer]), default=0)
            for answer in range(last, answers):
                more = tuple(count + (index == answer) for index, count in enumerate(multiset))
                following[more] = with_report(table, randomiser[answer])
        level = following


def with_report(table: Table, likely: NDArray[np.float64]) -> Table:
    """Return the distribution of the histogram with one more report."""
    total = table * likely[-1]
    for report in range(len(likely) - 1):
        moved = np.roll(table, 1, axis=report)
        total = total + moved * likely[report]
    return total


def worst_deltas(randomiser: Randomiser, others: list[Table], all_eps: list[float]) -> list[float]:
    """Return for each eps the largest hockey-stick divergence between two answers of one person among these others.

    All answers are alike to the randomiser and the others answer in every way, so that the answers 0 and 1 will do.
    """
    worst = [0.0] * len(all_eps)
    for table in others:
        one, other = with_report(table, randomiser[0]), with_report(table, randomiser[1])
        for index, eps in enumerate(all_eps):
            found = float(np.clip(one - math.exp(eps) * other, 0, None).sum())
            worst[index] = max(worst[index], found)
    return worst

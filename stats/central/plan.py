"""What a question needs to have measured, in how many cells, and how its eps is divided."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from stats.central.asking.questions import (
    DataQuestion,
    DataQuestionError,
    NumberMean,
    NumberQuantile,
    NumberSum,
    RowCount,
)
from stats.central.noise import NoiseScale
from stats.central.statements import CentredSum, parts_of
from stats.central.terms import CategoryColumn, DataSetTerms, KeyColumn, NumberColumn

MOST_CELLS = 100_000
"""Noise for so many numbers takes about a second."""


@dataclass(frozen=True)
class MeasuringPlan:
    """The noisy numbers behind an answer: how many rows, sums, and rows in the parts of columns, for each group."""

    question: DataQuestion
    terms: DataSetTerms
    counts: bool
    sums: tuple[CentredSum, ...]
    parts: tuple[NumberColumn, ...]
    eps: Fraction
    """Of the whole question; each of the measured things has an even share."""
    delta: Fraction

    @property
    def share(self) -> Fraction:
        """The eps of each thing that is measured."""
        return self.eps / (self.counts + len(self.sums) + len(self.parts))

    @property
    def of_rows(self) -> NoiseScale:
        """The noise of numbers of rows: each person is in at most `rows_each` of all groups and parts together."""
        return NoiseScale(self.terms.rows_each, self.share)

    def of_sum(self, each: CentredSum) -> NoiseScale:
        """The noise of a sum."""
        column = number_column(self.terms, each.column)
        most = max(abs(column.low - each.centre), abs(column.high - each.centre))
        return NoiseScale(self.terms.rows_each * most, self.share)

    @property
    def key_place(self) -> int | None:
        """Which of the columns of groups is one of keys, if there is one."""
        kinds = [isinstance(self.terms.column(name), KeyColumn) for name in self.question.groups]
        return kinds.index(True) if True in kinds else None

    def known_groups(self) -> list[tuple[int | str, ...]]:
        """Return all groups of declared values, whether there are rows in them or not."""
        columns = [self.terms.column(name) for name in self.question.groups]
        return list(product(*(range(len(each.labels)) for each in columns if isinstance(each, CategoryColumn))))


def plan_of(question: DataQuestion, terms: DataSetTerms, eps: Fraction) -> MeasuringPlan:
    """Return what has to be measured; raise `DataQuestionError` if it is too much, whatever the rows are."""
    has_keys = any(isinstance(terms.column(name), KeyColumn) for name in question.groups)
    # Without a count nothing would tell which keys may be told.
    counts = has_keys or any(isinstance(each, RowCount | NumberMean) for each in question.measures)
    sums = {centred(each, terms): None for each in question.measures if isinstance(each, NumberSum | NumberMean)}
    levels = {each.column: None for each in question.measures if isinstance(each, NumberQuantile)}
    parts = tuple(number_column(terms, name) for name in levels)
    delta = Fraction(terms.delta_each) if has_keys else Fraction(0)
    plan = MeasuringPlan(question, terms, counts, tuple(sums), parts, eps, delta)
    cells = math.prod(_most_groups(terms, name) for name in question.groups)
    cells *= counts + len(sums) + sum(map(parts_of, parts))
    if cells > MOST_CELLS:
        raise DataQuestionError(f"the answer could have {cells:,} numbers; at most {MOST_CELLS:,} are measured")
    return plan


def centred(measure: NumberSum | NumberMean, terms: DataSetTerms) -> CentredSum:
    """Return the sum behind a measure. That of a mean is taken around the middle, where it needs half the noise."""
    column = number_column(terms, measure.column)
    return CentredSum(column.name, (column.low + column.high) // 2 if isinstance(measure, NumberMean) else 0)


def number_column(terms: DataSetTerms, name: str) -> NumberColumn:
    """Return a declared number; raise `DataQuestionError` if it is none."""
    column = terms.column(name)
    if not isinstance(column, NumberColumn):
        raise DataQuestionError("sum, avg, median and quantile are of one declared number")
    return column


def _most_groups(terms: DataSetTerms, name: str) -> int:
    match terms.column(name):
        case CategoryColumn(labels=labels):
            return len(labels)
        case KeyColumn(most=most):
            return most
    raise DataQuestionError("GROUP BY has columns with declared values, or with keys")

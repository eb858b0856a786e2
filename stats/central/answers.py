"""From noisy numbers to answers with intervals; all of it is computed from noisy numbers, and costs nothing more.

The intervals hold with 95 %, or more, what the rows of the data set themselves would answer: there is no noise of
sampling in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from stats.central.asking.questions import NumberMean, NumberQuantile, NumberSum, RowCount, RowMeasure
from stats.central.measuring import GroupKey, NoisyNumbers
from stats.central.plan import MeasuringPlan, centred, number_column
from stats.central.terms import CategoryColumn, NumberColumn
from stats.estimate.binomial import deviations

BEYOND = 0.05


@dataclass(frozen=True)
class NoisyValue:
    """A noisy value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class NoisyRow:
    """The values of one group; `group` has its words in the order of GROUP BY."""

    group: tuple[str, ...]
    values: tuple[NoisyValue, ...]


def answer_rows(plan: MeasuringPlan, numbers: Mapping[GroupKey, NoisyNumbers]) -> list[NoisyRow]:
    """Return the rows of the answer."""
    return [
        NoisyRow(_labels(plan, group), tuple(_value(plan, measure, found) for measure in plan.question.measures))
        for group, found in numbers.items()
    ]


def _labels(plan: MeasuringPlan, group: GroupKey) -> tuple[str, ...]:
    def label(name: str, value: int | str) -> str:
        column = plan.terms.column(name)
        return column.labels[value] if isinstance(column, CategoryColumn) and isinstance(value, int) else str(value)

    return tuple(label(name, value) for name, value in zip(plan.question.groups, group, strict=True))


def _value(plan: MeasuringPlan, measure: RowMeasure, found: NoisyNumbers) -> NoisyValue:
    match measure:
        case RowCount():
            return _around(found.count or 0, plan.of_rows.reach(BEYOND), 1.0)
        case NumberSum(column=name):
            total = centred(measure, plan.terms)
            width = float(number_column(plan.terms, name).width)
            return _around(found.sums[total], plan.of_sum(total).reach(BEYOND), width)
        case NumberMean():
            return _mean(plan, measure, found)
        case NumberQuantile(column=name, level=level):
            return _quantile(number_column(plan.terms, name), found.parts[name], level, plan.of_rows.variance)


def _around(value: int, reach: int, width: float) -> NoisyValue:
    return NoisyValue(value * width, (value - reach) * width, (value + reach) * width)


def _mean(plan: MeasuringPlan, measure: NumberMean, found: NoisyNumbers) -> NoisyValue:
    """Divide the noisy sum by the noisy count. If each is within its reach with 97.5 %, both are with 95 %."""
    column, total = number_column(plan.terms, measure.column), centred(measure, plan.terms)
    count, above = found.count or 0, found.sums[total]
    few, many = max(1, count - plan.of_rows.reach(BEYOND / 2)), max(1, count + plan.of_rows.reach(BEYOND / 2))
    reach = plan.of_sum(total).reach(BEYOND / 2)
    # The count in the quotient is the true one, somewhere between the two.
    corners = [(above + way * reach) / rows for way in (-1, 1) for rows in (few, many)]
    return _within(column, total.centre + np.array([above / max(1, count), min(corners), max(corners)]))


def _quantile(column: NumberColumn, counts: Sequence[int], level: float, variance: float) -> NoisyValue:
    """Find where as many rows are below as the level says.

    At each edge, (1 - level) * rows below - level * rows above is compared with its noise: where it could be 0, the
    quantile could be. A bound is the next edge outside.
    """
    parts, span = len(counts), column.high - column.low + 1
    edges = column.low + np.arange(parts + 1) * span / parts
    below = np.array([0, *accumulate(counts)], float)
    balance = (1 - level) * below - level * (below[-1] - below)
    places = np.arange(parts + 1)
    noise = np.sqrt(variance * ((1 - level) ** 2 * places + level**2 * (parts - places)))
    noise *= deviations(1 - BEYOND)
    low = max(0, int(np.argmax(balance + noise >= 0)) - 1)
    high = min(parts, parts - int(np.argmax((balance - noise <= 0)[::-1])) + 1)
    if not (balance + noise >= 0).any():
        low = parts - 1
    if not (balance - noise <= 0).any():
        high = 1
    possible = np.array([0, *accumulate(max(0, count) for count in counts)], float)
    value = float(np.interp(level * possible[-1], possible, edges)) if possible[-1] else float(edges.mean())
    return _within(column, np.array([min(max(value, edges[low]), edges[high]), edges[low], edges[high]]))


def _within(column: NumberColumn, steps: np.ndarray[tuple[int], np.dtype[np.float64]]) -> NoisyValue:
    inside = np.clip(steps, column.low, column.high) * float(column.width)
    return NoisyValue(*(float(each) for each in inside))

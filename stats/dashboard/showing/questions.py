"""A question with its chart: every kind in the way that shows it best, always with intervals and a table behind."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from twisted.web.template import Tag

from loopixmix.web.showing.charts import MOST_BARS, Caption, ChartBar, ChartBin, bar_chart, histogram
from loopixmix.web.showing.heatmaps import heat_map
from loopixmix.web.showing.markup import Content, paragraph
from loopixmix.web.showing.numbers import show_number
from loopixmix.web.showing.tables import Cell, table
from stats.dashboard.results import QuestionResult
from stats.dashboard.wording import bucket_edges, percent
from stats.estimate.reports import Numbers
from stats.estimate.shares import NOISE_LABEL
from stats.estimate.suppression import MIN_CELL
from stats.questionnaire.questions import (
    CellQuestion,
    CounterQuestion,
    MultipleChoice,
    NumberQuestion,
    RouteQuestion,
    TripQuestion,
)

MOST_SHOWN = 40
"""Bars in one chart; of more values the most frequent ones are shown."""
MOST_FREQUENT = 20
MOST_LISTED = 60
MOST_BLOCKS = 24
"""A map has at most so many blocks to a side: that many can be told apart on a telephone."""
MOST_PLACES = 15
HIDDEN = "hidden"


def question_figures(result: QuestionResult) -> list[Content]:
    """Return the charts of a question."""
    if not result.shares.reports:
        return [paragraph("No reports have been released yet.", class_="quiet")]
    match result.question:
        case CellQuestion():
            return [_map(result, result.question), _bars(result, most=10, what="Cells with the most people")]
        case TripQuestion() | RouteQuestion():
            if isinstance(result.question, TripQuestion):
                return [_bars(result, most=MOST_FREQUENT, what="Frequent trips"), _matrix(result, result.question)]
            return [_bars(result, most=MOST_FREQUENT, what="Frequent routes")]
        case NumberQuestion() | CounterQuestion():
            chart = _bars(result) if len(result.labels) <= MOST_SHOWN else _histogram(result)
            return [chart, _summary(result)]
        case _:
            return [_bars(result)]


def told_of(result: QuestionResult) -> str:
    """Return a sentence about what a chart stands on."""
    shares = result.shares
    told = f"{shares.reports:,} reports. {NOISE_LABEL}."
    if isinstance(result.question, MultipleChoice):
        told += f" Each report tells of one of {len(result.labels)} options, so intervals are wider."
    hidden = int(shares.hidden.sum())
    if hidden:
        told += f" {hidden:,} of {len(result.labels):,} values are hidden, because too few people seem to have them."
    return told


def values_table(result: QuestionResult, most: int = MOST_LISTED) -> list[Content]:
    """Return the shown and the raw figures of the values, the most frequent ones first if there are too many."""
    shares = result.shares
    possible, low, high = shares.shown()
    chosen = _most_frequent(result, most) if len(result.labels) > most else range(len(result.labels))
    rows: list[Sequence[Cell]] = [
        (result.labels[i], *([HIDDEN] * 6))
        if shares.hidden[i]
        else (
            result.labels[i],
            _tenths(possible[i]),
            f"{_tenths(low[i])} to {_tenths(high[i])}",
            show_number(round(float(possible[i]) * shares.reports)),
            _tenths(shares.raw[i]),
            f"{_tenths(shares.low[i])} to {_tenths(shares.high[i])}",
            show_number(round(float(shares.counts[i]))),
        )
        for i in chosen
    ]
    columns = ("value", "share, %", "95 % interval", "people", "raw share, %", "raw interval", "raw people")
    told = paragraph(
        "Raw figures are without bias, and may be below 0 or over 100 %. The others are the nearest ones that are "
        "possible. People are those who sent the reports."
    )
    left = len(result.labels) - len(rows)
    more = paragraph(f"{left:,} less frequent values are not listed here. An export has them.") if left else ""
    return [told, table(f"{result.question.name}: shown and raw figures", columns, rows), more]


def _bars(result: QuestionResult, most: int = MOST_SHOWN, what: str = "") -> Tag:
    # Rounded alike, so that each share stays within its interval.
    possible, low, high = ((each * 100).round(2) for each in result.shares.shown())
    shown = [i for i in range(len(result.labels)) if not result.shares.hidden[i]]
    if len(shown) > most or what:
        shown = [i for i in _most_frequent(result, min(most, MOST_BARS)) if not result.shares.hidden[i]]
    bars = [ChartBar(result.labels[i], float(possible[i]), (float(low[i]), float(high[i]))) for i in shown]
    caption = Caption(
        title=f"{what or 'Shares'} in %: {result.question.name}",
        description=told_of(result),
        x="value",
        y="% of people",
    )
    if not bars:
        return paragraph("All values are hidden: too few people seem to have any of them.", class_="quiet")
    return bar_chart(caption, bars)


def _matrix(result: QuestionResult, question: TripQuestion) -> Content:
    """Return all trips as a table from above to the right, if so many columns can be read."""
    places = question.places
    if len(places) > MOST_PLACES:
        return ""
    rows: list[Sequence[Cell]] = [
        (
            origin,
            *(
                HIDDEN if result.shares.hidden[i] else _tenths(result.shares.possible[i])
                for i in range(number * len(places), (number + 1) * len(places))
            ),
        )
        for number, origin in enumerate(places)
    ]
    return table(f"All trips, in %: {question.name}", ("from \\ to", *places), rows)


def _histogram(result: QuestionResult) -> Tag:
    possible, *_ = result.shares.shown()
    edges = _edges(result)
    bins = [
        ChartBin(edges[i], edges[i + 1], 0.0 if result.shares.hidden[i] else round(float(possible[i]) * 100, 3))
        for i in range(len(result.labels))
    ]
    unit = getattr(result.question, "unit", "") or "number"
    caption = Caption(
        title=f"Shares in %: {result.question.name}", description=told_of(result), x=unit, y="% of people"
    )
    return histogram(caption, bins)


def _summary(result: QuestionResult) -> Content:
    if result.summary is None:
        return ""
    mean = result.summary.mean
    rows: list[Sequence[Cell]] = [("mean", _near(mean.value), f"{_near(mean.low)} to {_near(mean.high)}")]
    rows += [
        (_level(each.level), _near(each.value), f"{_near(each.low)} to {_near(each.high)}")
        for each in result.summary.quantiles
    ]
    rounding = paragraph(
        f"Only buckets are reported. That can move the mean by up to {_near(mean.rounding)}, however many answer.",
        class_="quiet",
    )
    return [
        table(f"{result.question.name}: mean and quantiles", ("figure", "estimate", "95 % interval"), rows),
        rounding,
    ]


def _map(result: QuestionResult, question: CellQuestion) -> Tag:
    """Return the shares on the map; cells are put together into blocks if there are too many to be seen."""
    possible = result.shares.possible[:-1].reshape(question.rows, question.columns) * 100
    step_rows, step_columns = (math.ceil(side / MOST_BLOCKS) for side in possible.shape)
    blocks = _blocks(possible, step_rows, step_columns)
    if step_rows == step_columns == 1:
        hidden = result.shares.hidden[:-1].reshape(possible.shape)
    else:
        hidden = blocks * result.shares.reports / 100 < MIN_CELL
    # Row 0 is the southern one, and north is above.
    cells = [
        [None if is_hidden else float(value) for value, is_hidden in zip(*both, strict=True)]
        for both in zip(blocks[::-1], hidden[::-1], strict=True)
    ]
    shown = [i for i in _most_frequent(result, 20) if not result.shares.hidden[i]]
    rows = [(result.labels[i], percent(possible.ravel()[i] / 100)) for i in shown if i < possible.size]
    together = "" if step_rows == step_columns == 1 else f" A block is {step_rows} by {step_columns} cells."
    caption = Caption(
        title=f"Map, in %: {question.name}",
        description=f"{told_of(result)} Shades tell % of people; north is above.{together}",
        x="from west to east",
        y="from south (below) to north (above)",
    )
    return heat_map(caption, cells, ("cell", "share"), rows)


def _blocks(values: Numbers, rows: int, columns: int) -> Numbers:
    """Return the sums of blocks of so many rows and columns."""
    height, width = (-side % step for side, step in zip(values.shape, (rows, columns), strict=True))
    padded = np.pad(values, ((0, height), (0, width)))
    blocks: Numbers = padded.reshape(padded.shape[0] // rows, rows, -1, columns).sum(axis=(1, 3))
    return blocks


def _most_frequent(result: QuestionResult, most: int) -> list[int]:
    order = np.argsort(-result.shares.raw, kind="stable")
    return [int(i) for i in order[:most]]


def _edges(result: QuestionResult) -> Sequence[int]:
    return bucket_edges(result.question) or ()


def _level(level: float) -> str:
    return "median" if level == 0.5 else f"{level * 100:g} % are below"


def _tenths(share: float) -> str:
    return f"{share * 100:.1f}"


def _near(value: float) -> str:
    return show_number(round(value, 2))

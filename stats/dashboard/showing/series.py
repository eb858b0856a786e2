"""A question period by period: lines with error bars, and what changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loopixmix.web.showing.charts import MOST_SERIES, Caption, ChartPoint, Series, line_chart
from loopixmix.web.showing.markup import Content, paragraph, section
from loopixmix.web.showing.tables import Cell, table
from stats.dashboard.results import SeriesResult
from stats.dashboard.wording import day, moment, percent
from stats.estimate.alarms import AlarmRule
from stats.estimate.shares import NOISE_LABEL

MOST_LISTED = 100


def series_content(result: SeriesResult, rule: AlarmRule) -> list[Content]:
    """Return the lines of the most frequent values, and the anomalies of all of them."""
    if not result.periods:
        return [paragraph("No reports have been released yet.", class_="quiet")]
    return [_lines(result), _alarms(result, rule), _changes(result, rule)]


def _lines(result: SeriesResult) -> Content:
    mean = np.mean([period.shares.raw for period in result.periods], axis=0)
    chosen = [int(i) for i in np.argsort(-mean, kind="stable")[:MOST_SERIES]]
    lines = [line for line in (Series(result.labels[i], _points(result, i)) for i in chosen) if line.points]
    if not lines:
        return paragraph("All values are hidden: too few people seem to have any of them.", class_="quiet")
    left = len(result.labels) - len(lines)
    more = f" The {len(lines)} most frequent of {len(result.labels):,} values are drawn." if left else ""
    if any(len(line.points) < len(result.periods) for line in lines):
        more += " A line passes over periods in which its value is hidden."
    first, last = result.periods[0], result.periods[-1]
    caption = Caption(
        title=f"Over time: {result.question.name}",
        description=f"{NOISE_LABEL}. Period {first.period + 1} began on {moment(first.begins_s)}, "
        f"period {last.period + 1} on {moment(last.begins_s)}.{more}",
        x="period",
        y="% of people",
    )
    return line_chart(caption, lines)


def _points(result: SeriesResult, value: int) -> tuple[ChartPoint, ...]:
    points = []
    for period in result.periods:
        possible, low, high = (float(each[value]) * 100 for each in period.shares.shown())
        if not period.shares.hidden[value]:
            points.append(ChartPoint(period.period + 1, possible, (low, high)))
    return tuple(points)


def _alarms(result: SeriesResult, rule: AlarmRule) -> Content:
    told = paragraph(
        f"Each period is held against the {rule.baseline} before it. If nothing changes at all, a period has a false "
        f"alarm with a probability of at most {percent(rule.false_alarms)}."
    )
    rows: list[Sequence[Cell]] = [
        (_period(result, alarm.place), result.labels[alarm.value], percent(alarm.share), percent(alarm.baseline))
        for alarm in result.alarms[:MOST_LISTED]
    ]
    if not rows:
        return section("Anomalies", told, paragraph("There is none."))
    columns = ("period", "value", "share (raw)", "share before (raw)")
    return section("Anomalies", told, table("Anomalies: shares unlike those before", columns, rows))


def _changes(result: SeriesResult, rule: AlarmRule) -> Content:
    told = paragraph(
        f"From these periods on, a share stayed another one. If nothing changed at all, a change is found here with a "
        f"probability of at most {percent(rule.false_alarms)}."
    )
    rows: list[Sequence[Cell]] = [
        (_period(result, change.place), result.labels[change.value], percent(change.before), percent(change.after))
        for change in result.changes[:MOST_LISTED]
    ]
    if not rows:
        return section("Lasting changes", told, paragraph("There is none."))
    columns = ("from period", "value", "share before (raw)", "share after (raw)")
    return section("Lasting changes", told, table("Lasting changes of shares", columns, rows))


def _period(result: SeriesResult, place: int) -> str:
    period = result.periods[place]
    return f"{period.period + 1} ({day(period.begins_s)})"

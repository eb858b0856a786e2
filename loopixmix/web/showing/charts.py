"""Charts drawn by the server as SVG, each with a title, a description and its numbers in a table.

They have no `viewBox`: all that lies across is given in percent, all that lies upright in pixels. So a chart fills any
width, from 320 pixels to a printed page, and its letters stay as large as the text around it. A scaled drawing would
shrink them to half on a telephone. Colours are the stylesheet's.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from twisted.web.template import Tag

from loopixmix.errors import MisuseError
from loopixmix.web.showing.axes import LINE_PX, Axes, percent, px, segment, ticks_across
from loopixmix.web.showing.markup import element, paragraph
from loopixmix.web.showing.numbers import show_number, ticks
from loopixmix.web.showing.tables import Cell, table

MOST_BARS = 100
MOST_SERIES = 4
"""More lines than this cannot be told apart without colour."""

_BAR_PX = 16.0
_ROW_GAP_PX = 14.0
_LABEL_CHARACTERS = 36
"""A label is broken at this length: as much as stands in one line of 288 pixels."""
_LONGEST_BAR = 70.0
"""The longest bar or interval, in percent of the width; the number behind it takes the rest."""
_UPRIGHT_MARKS = 7


@dataclass(frozen=True)
class ChartBar:
    """One value with its name; `interval` are the lower and upper end of what it may be."""

    label: str
    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class ChartBin:
    """How many values lie from `low` to below `high`."""

    low: float
    high: float
    count: float


@dataclass(frozen=True)
class ChartPoint:
    """One point of a line; `interval` are the lower and upper end of what `y` may be."""

    x: float
    y: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Series:
    """A line: its name, and its points from left to right."""

    name: str
    points: tuple[ChartPoint, ...]


@dataclass(frozen=True, kw_only=True)
class Caption:
    """The words around a chart: its title, what it shows in a sentence, and the names of its axes."""

    title: str
    description: str
    x: str
    y: str


def bar_chart(caption: Caption, bars: Sequence[ChartBar]) -> Tag:
    """Return a bar for each value, zero or more, with its name above it and its number behind it.

    `caption`: `x` names what the labels are, `y` the values. Raises `MisuseError` if a value is under 0 or outside of
    its interval, or if there are more bars than `MOST_BARS`.
    """
    if len(bars) > MOST_BARS:
        raise MisuseError(f"a chart has at most {MOST_BARS} bars, not {len(bars)}")
    for bar in bars:
        _check_interval(bar.value, bar.interval)
        if min(bar.value, *(bar.interval or (0.0,))) < 0:
            raise MisuseError(f"the bar {bar.label!r} has a value under 0: {bar.value}")
    longest = max((max(bar.value, *(bar.interval or (0.0,))) for bar in bars), default=0.0) or 1.0
    drawn: list[Tag] = []
    top_px = 0.0
    for bar in bars:
        marks, height_px = _bar(bar, top_px, longest)
        drawn += marks
        top_px += height_px
    with_intervals = any(bar.interval for bar in bars)
    columns = (caption.x, caption.y, *(("from", "to") if with_intervals else ()))
    rows = [(bar.label, bar.value, *(_interval_cells(bar.interval) if with_intervals else ())) for bar in bars]
    return chart_figure(caption, drawn, top_px, columns, rows, axes_named=False)


def histogram(caption: Caption, bins: Sequence[ChartBin]) -> Tag:
    """Return the counts of values that lie side by side.

    `bins`: from left to right, each beginning where the last one ends. Raises `MisuseError` otherwise, and for a count
    under 0.
    """
    for one, other in pairwise(bins):
        if one.high != other.low:
            raise MisuseError(f"the bin from {other.low} does not begin where the last one ends, at {one.high}")
    if not bins or any(bin_.low >= bin_.high or bin_.count < 0 for bin_ in bins):
        raise MisuseError("a histogram has bins that are wider than 0 and count 0 or more")
    axes = Axes(
        across=ticks_across(bins[0].low, bins[-1].high),
        upright=ticks(0.0, max(bin_.count for bin_ in bins), most=_UPRIGHT_MARKS),
    )
    drawn = axes.grid()
    for bin_ in bins:
        left, right = axes.x(bin_.low), axes.x(bin_.high)
        top_px, bottom_px = axes.y(bin_.count), axes.y(0.0)
        height_px = bottom_px - top_px
        drawn.append(
            element(
                "rect", x=percent(left), y=px(top_px), width=percent(right - left), height=px(height_px), class_="bar"
            )
        )
    drawn += axes.numbers()
    rows = [(f"{show_number(bin_.low)} to {show_number(bin_.high)}", bin_.count) for bin_ in bins]
    return chart_figure(caption, drawn, axes.height_px, (caption.x, caption.y), rows)


def line_chart(caption: Caption, series: Sequence[Series]) -> Tag:
    """Return one to `MOST_SERIES` lines over a common axis, each point with its interval as an error bar.

    Raises `MisuseError` if there is no point, if there are more lines, or if a value is outside of its interval.
    """
    points = [point for line in series for point in line.points]
    if not points or len(series) > MOST_SERIES:
        raise MisuseError(f"a line chart has 1 to {MOST_SERIES} lines with points, not {len(series)}")
    for point in points:
        _check_interval(point.y, point.interval)
    heights = [height for point in points for height in (point.y, *(point.interval or ()))]
    # From zero, unless values lie under it: a cut axis makes small differences look large.
    axes = Axes(
        across=ticks_across(min(point.x for point in points), max(point.x for point in points)),
        upright=ticks(min(0.0, *heights), max(0.0, *heights), most=_UPRIGHT_MARKS),
    )
    drawn = axes.grid()
    for number, line in enumerate(series):
        drawn.append(element("g", *_line(line, axes), class_=f"series series-{number}"))
    drawn += axes.numbers()
    rows = [(line.name, point.x, point.y, *_interval_cells(point.interval)) for line in series for point in line.points]
    columns = ("line", caption.x, caption.y, "from", "to")
    return chart_figure(
        caption, drawn, axes.height_px, columns, rows, legend=_legend(series) if len(series) > 1 else None
    )


def _bar(bar: ChartBar, top_px: float, longest: float) -> tuple[list[Tag], float]:
    """Return what is drawn for a bar and how high that is."""
    lines = textwrap.wrap(bar.label, _LABEL_CHARACTERS) or [""]
    marks = [
        element("text", line, x="0", y=px(top_px + (number + 1) * LINE_PX - 6), class_="label")
        for number, line in enumerate(lines)
    ]
    bar_top_px = top_px + len(lines) * LINE_PX
    middle_px = bar_top_px + _BAR_PX / 2
    width = bar.value / longest * _LONGEST_BAR
    marks.append(
        element("rect", x="0", y=px(bar_top_px), width=percent(width), height=px(_BAR_PX), rx="2", class_="bar")
    )
    end = width
    if bar.interval is not None:
        low, high = (value / longest * _LONGEST_BAR for value in bar.interval)
        marks += _error_bar_across(low, high, middle_px)
        end = max(width, high)
    marks.append(element("text", show_number(bar.value), x=percent(end), dx="8", y=px(middle_px + 5), class_="value"))
    return marks, len(lines) * LINE_PX + _BAR_PX + _ROW_GAP_PX


def _error_bar_across(low: float, high: float, middle_px: float) -> list[Tag]:
    across = segment((low, middle_px), (high, middle_px), "error")
    return [across, *(segment((end, middle_px - 4), (end, middle_px + 4), "error") for end in (low, high))]


def _line(line: Series, axes: Axes) -> list[Tag]:
    """Return segments, error bars and points; a path cannot be given in percent."""
    places = [(axes.x(point.x), axes.y(point.y)) for point in line.points]
    drawn = [segment(one, other, "line") for one, other in pairwise(places)]
    for point, (x, _) in zip(line.points, places, strict=True):
        if point.interval is not None:
            low_px, high_px = (axes.y(value) for value in point.interval)
            drawn.append(segment((x, low_px), (x, high_px), "error"))
    drawn += [element("circle", cx=percent(x), cy=px(y_px), r="3.5", class_="point") for x, y_px in places]
    return drawn


def _legend(series: Sequence[Series]) -> Tag:
    return element(
        "ul",
        *(
            element(
                "li",
                element(
                    "svg",
                    element("line", x1="0", x2="28", y1="7", y2="7", class_="line"),
                    width="28",
                    height="14",
                    aria_hidden="true",
                    focusable="false",
                    class_=f"series series-{number}",
                ),
                line.name,
            )
            for number, line in enumerate(series)
        ),
        class_="legend",
    )


def chart_figure(
    caption: Caption,
    drawn: Sequence[Tag],
    height_px: float,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    axes_named: bool = True,
    legend: Tag | None = None,
) -> Tag:
    """Return a drawing with its words around it, and its numbers in a table behind.

    `columns`, `rows`: the table. `axes_named`: name the axes beside the drawing.
    """
    identifier = "chart-" + re.sub("[^a-z0-9]+", "-", caption.title.lower()).strip("-")
    title, description = f"{identifier}-title", f"{identifier}-description"
    drawing = element(
        "svg",
        element("title", caption.title, id=title),
        element("desc", caption.description, id=description),
        *drawn,
        width="100%",
        height=px(height_px),
        role="img",
        aria_labelledby=title,
        aria_describedby=description,
    )
    upright = (paragraph(caption.y, class_="axis-name"),) if axes_named else ()
    across = (paragraph(caption.x, class_="axis-name across"),) if axes_named else ()
    return element(
        "figure",
        element("figcaption", element("strong", caption.title), paragraph(caption.description)),
        *(() if legend is None else (legend,)),
        *upright,
        drawing,
        *across,
        element(
            "details",
            element("summary", "The numbers as a table"),
            table(f"{caption.title}: the numbers", columns, rows),
        ),
        class_="chart",
    )


def _interval_cells(interval: tuple[float, float] | None) -> tuple[Cell, Cell]:
    return ("", "") if interval is None else interval


def _check_interval(value: float, interval: tuple[float, float] | None) -> None:
    if interval is not None and not interval[0] <= value <= interval[1]:
        raise MisuseError(f"the value {value} is not within its interval, {interval[0]} to {interval[1]}")

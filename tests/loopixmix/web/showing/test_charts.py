"""Charts: what is drawn is in proportion, named, and written in a table as well."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from twisted.web.template import Tag

from loopixmix.errors import MisuseError
from loopixmix.web.showing.charts import (
    MOST_BARS,
    MOST_SERIES,
    Caption,
    ChartBar,
    ChartBin,
    ChartPoint,
    Series,
    bar_chart,
    histogram,
    line_chart,
)
from loopixmix.web.showing.markup import render

CAPTION = Caption(title="Votes & more", description="Trees lead.", x="proposal", y="votes")


def parsed(chart: Tag) -> ElementTree.Element:
    return ElementTree.fromstring(render(chart).partition(b"\n")[2])


def percents(chart: ElementTree.Element, kind: str, attribute: str) -> list[float]:
    found = [mark.get(attribute, "") for mark in chart.iter() if kind in mark.get("class", "").split()]
    assert all(re.fullmatch(r"-?[0-9.]+%", value) for value in found)
    return [float(value[:-1]) for value in found]


def numbers(chart: ElementTree.Element) -> list[list[str]]:
    return [[cell.text or "" for cell in row] for row in chart.iterfind(".//tbody/tr")]


@pytest.mark.parametrize(
    "chart",
    [
        bar_chart(CAPTION, [ChartBar("trees", 3)]),
        histogram(CAPTION, [ChartBin(0, 1, 3)]),
        line_chart(CAPTION, [Series("a", (ChartPoint(0, 3),))]),
    ],
)
def test_every_chart_has_title_description_and_a_table_behind_it(chart: Tag) -> None:
    root = parsed(chart)
    [drawing] = root.iter("svg")
    assert drawing.get("role") == "img"
    texts = {mark.get("id"): mark.text for mark in drawing}
    assert texts[drawing.get("aria-labelledby")] == "Votes & more"
    assert texts[drawing.get("aria-describedby")] == "Trees lead."
    assert numbers(root)
    assert root.find("details/summary") is not None
    assert not [mark for mark in drawing.iter() if "style" in mark.attrib]


def test_bars_are_in_proportion_and_keep_within_the_width() -> None:
    root = parsed(bar_chart(CAPTION, [ChartBar("trees", 300, (150, 600)), ChartBar("road", 100), ChartBar("none", 0)]))
    widths = percents(root, "bar", "width")
    assert widths[0] == pytest.approx(3 * widths[1], abs=0.02)
    assert widths[2] == 0
    ends = percents(root, "error", "x2")
    assert max(ends) == pytest.approx(2 * widths[0], abs=0.02)
    assert max(ends) < 75
    assert numbers(root) == [["trees", "300", "150", "600"], ["road", "100", "", ""], ["none", "0", "", ""]]


def test_a_long_label_is_broken_and_makes_room() -> None:
    root = parsed(bar_chart(CAPTION, [ChartBar("word " * 20, 1), ChartBar("x", 1)]))
    lines = [mark.text or "" for mark in root.iter("text") if mark.get("class") == "label"]
    assert len(lines) == 4
    assert max(len(line) for line in lines) <= 36
    places = [float(mark.get("y", "")) for mark in root.iter("rect")]
    assert places[1] - places[0] > 30


def test_without_bars_the_chart_is_empty_and_stands() -> None:
    assert numbers(parsed(bar_chart(CAPTION, []))) == []


def test_a_histogram_keeps_areas_side_by_side() -> None:
    root = parsed(histogram(CAPTION, [ChartBin(0, 10, 4), ChartBin(10, 30, 8)]))
    left, width = percents(root, "bar", "x"), percents(root, "bar", "width")
    assert left[0] + width[0] == pytest.approx(left[1], abs=0.02)
    assert width[1] == pytest.approx(2 * width[0], abs=0.03)
    assert numbers(root) == [["0 to 10", "4"], ["10 to 30", "8"]]


def test_lines_have_their_points_and_error_bars_in_place() -> None:
    series = [Series("a", (ChartPoint(0, 1, (0, 2)), ChartPoint(10, 5))), Series("b", (ChartPoint(5, -1),))]
    root = parsed(line_chart(CAPTION, series))
    assert percents(root, "point", "cx") == pytest.approx([7, 97, 52])
    [error] = [mark for mark in root.iter("line") if mark.get("class") == "error"]
    assert error.get("x1") == error.get("x2") == "7.00%"
    assert float(error.get("y1", "")) > float(error.get("y2", ""))
    assert numbers(root) == [["a", "0", "1", "0", "2"], ["a", "10", "5", "", ""], ["b", "5", "-1", "", ""]]
    assert [mark.text for mark in root.iterfind(".//li")] == [None, None]
    assert [mark[0].tail for mark in root.iterfind(".//li")] == ["a", "b"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bar_chart(CAPTION, [ChartBar("x", -1)]), "under 0"),
        (lambda: bar_chart(CAPTION, [ChartBar("x", 1, (-1, 2))]), "under 0"),
        (lambda: bar_chart(CAPTION, [ChartBar("x", 3, (1, 2))]), "not within its interval"),
        (lambda: bar_chart(CAPTION, [ChartBar("x", 1)] * (MOST_BARS + 1)), "at most 100 bars"),
        (lambda: histogram(CAPTION, []), "wider than 0"),
        (lambda: histogram(CAPTION, [ChartBin(0, 0, 1)]), "wider than 0"),
        (lambda: histogram(CAPTION, [ChartBin(0, 1, -1)]), "0 or more"),
        (lambda: histogram(CAPTION, [ChartBin(0, 1, 1), ChartBin(2, 3, 1)]), "does not begin where"),
        (lambda: line_chart(CAPTION, []), "1 to 4 lines"),
        (lambda: line_chart(CAPTION, [Series("a", ())]), "with points"),
        (lambda: line_chart(CAPTION, [Series("a", (ChartPoint(0, 0),))] * (MOST_SERIES + 1)), "1 to 4 lines"),
        (lambda: line_chart(CAPTION, [Series("a", (ChartPoint(0, 3, (1, 2)),))]), "not within its interval"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: object, words: str) -> None:
    with pytest.raises(MisuseError, match=words):
        make()

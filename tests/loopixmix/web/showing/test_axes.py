"""The plane of a chart."""

from __future__ import annotations

import pytest

from loopixmix.web.showing.axes import LINE_PX, PLOT_PX, Axes, ticks_across
from loopixmix.web.showing.markup import element, render


def test_values_stand_in_proportion() -> None:
    axes = Axes(across=(0, 5, 10), upright=(-1, 0, 1))
    assert axes.x(5) == pytest.approx((axes.x(0) + axes.x(10)) / 2)
    assert 0 < axes.x(0) < axes.x(10) < 100
    assert axes.y(1) == LINE_PX
    assert axes.y(-1) == LINE_PX + PLOT_PX
    assert axes.y(0) == LINE_PX + PLOT_PX / 2


def test_each_mark_has_its_number_and_each_upright_one_its_line() -> None:
    axes = Axes(across=(0, 5, 10), upright=(0, 100, 200))
    lines = render(element("svg", *axes.grid())).decode()
    assert lines.count('class="grid"') == 2
    assert lines.count('class="axis"') == 1
    numbers = render(element("svg", *axes.numbers())).decode()
    assert [f">{number}<" in numbers for number in (0, 5, 10, 100, 200)] == [True] * 5


def test_long_numbers_are_fewer() -> None:
    assert len(ticks_across(0, 10)) == 6
    assert len(ticks_across(0, 1_000_000_000)) == 3

"""Numbers for people, and the marks of axes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from loopixmix.web.showing.numbers import show_number, ticks


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1204, "1,204"),
        (1_000_000, "1,000,000"),
        (-3, "-3"),
        (2.0, "2"),
        (0.5, "0.5"),
        (math.pi, "3.142"),
        (31.41592, "31.42"),
        (12345.678, "12,346"),
        (0.000123456, "0.0001235"),
        (1.5e-9, "1.500e-09"),
        (-0.25, "-0.25"),
        (math.nan, "not known"),
        (math.inf, "not known"),
    ],
)
def test_numbers_as_people_read_them(value: float, shown: str) -> None:
    assert show_number(value) == shown


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1204, 7, (0, 500, 1000, 1500)),
        (0, 10, 7, (0, 2, 4, 6, 8, 10)),
        (0, 0.3, 5, (0.0, 0.1, 0.2, 0.3)),
        (-5, 5, 3, (-5, 0, 5)),
        (0, 0, 5, (0.0, 0.5, 1.0)),
    ],
)
def test_marks_are_round(low: float, high: float, most: int, expected: tuple[float, ...]) -> None:
    assert ticks(low, high, most=most) == pytest.approx(expected)


@given(
    low=st.floats(-1e9, 1e9),
    width=st.floats(1, 1e9),
    most=st.integers(3, 10),
)
def test_marks_enclose_the_values_and_are_few(low: float, width: float, most: int) -> None:
    marks = ticks(low, low + width, most=most)
    step = marks[1] - marks[0]
    assert 2 <= len(marks) <= most
    assert marks[0] <= low + step * 1e-6
    assert marks[-1] >= low + width - step * 1e-6
    assert [two - one for one, two in pairwise(marks)] == pytest.approx([step] * (len(marks) - 1), rel=1e-4)


@pytest.mark.parametrize(("low", "high", "most"), [(1, 0, 5), (math.nan, 1, 5), (0, math.inf, 5), (0, 1, 2)])
def test_an_axis_that_cannot_be(low: float, high: float, most: int) -> None:
    with pytest.raises(MisuseError, match="an axis"):
        ticks(low, high, most=most)

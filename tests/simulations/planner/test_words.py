"""Quantities as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.planner.words import amount_of_bytes, counted, digits, money, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.1e-5, "71 us"), (0.0327, "32.7 ms"), (5.0, "5 s"), (31.26, "31.3 s"), (800.0, "13.3 min"), (86_400.0, "24 h")],
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.0, "12 B"), (7860.0, "7.86 kB"), (20.4e9, "20.4 GB"), (1.19e16, "11.9 PB"), (3.1e12, "3.1 TB"), (2e6, "2 MB")],
)
def test_bytes(value: float, text: str) -> None:
    assert amount_of_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.15108, "0.151"),
        (41.96, "42"),
        (72_857.2, "72,900"),
        (1.0, "1"),
        (0.000_02, "2e-05"),
        (-3.14159, "-3.14"),
    ],
)
def test_digits(value: float, text: str) -> None:
    assert digits(value) == text


@given(value=st.floats(1e-3, 1e11))
def test_digits_are_right_to_half_of_the_last(value: float) -> None:
    assert float(digits(value).replace(",", "")) == pytest.approx(value, rel=0.00501)


def test_money_and_counts() -> None:
    assert money(13_597.54, "EUR") == "13,598 EUR"
    assert money(0.8011, "EUR") == "0.801 EUR"
    assert money(18_152.4) == "18,152"
    assert counted(1, "core") == "1 core"
    assert counted(8510, "user") == "8,510 users"
    assert counted(2, "mix", "mixes") == "2 mixes"

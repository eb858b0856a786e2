"""`-p` options."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.scenario import ScenarioError
from simulations.sweep.parameters import parse_parameter
from simulations.sweep.points import Axis

_KEYS = st.from_regex(r"[a-z_]{1,9}(\.[a-z_]{1,9}){0,2}", fullmatch=True)


@given(_KEYS, st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_numbers_are_read_as_they_are_written(key: str, values: list[float]) -> None:
    text = f"{key}={','.join(map(repr, values))}"
    assert parse_parameter(text) == Axis(key, tuple(values))


@given(_KEYS, st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=9))
def test_whole_numbers_stay_whole(key: str, values: list[int]) -> None:
    axis = parse_parameter(f"{key}={', '.join(map(str, values))}")
    assert axis.values == tuple(values)
    assert all(type(value) is int for value in axis.values)


@given(_KEYS, st.lists(st.from_regex(r"[a-z][a-z_-]{0,9}", fullmatch=True), min_size=1, max_size=5))
def test_words_need_no_quotation_marks(key: str, words: list[str]) -> None:
    expected = tuple({"true": True, "false": False, "inf": math.inf}.get(word, word) for word in words if word != "nan")
    assert parse_parameter(f"{key}={','.join(words)}").values == expected or "nan" in words


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse_parameter(text).values
    except ScenarioError as error:
        said = str(error)
        assert said.startswith(f"-p {text}")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("a=0.1:0.55:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("a=5:1:-2", (5, 3, 1)),
        ("a=1:1000:x10", (1, 10, 100, 1000)),
        ("a=0.25:2:x2", (0.25, 0.5, 1.0, 2.0)),
        ("a=1:3:1,10", (1, 2, 3, 10)),
        ("a=1:1:1", (1,)),
        ("a=1e-3:1e-2:x10", (0.001, 0.01)),
        ("a=true,false", (True, False)),
        ("a=balanced,random", ("balanced", "random")),
        ('a="x, y", "z"', ("x, y", "z")),
        ("a=[[0, 0.1], [1, 0.2]]", (((0, 0.1), (1, 0.2)),)),
        ("a=2026-11-23", ("2026-11-23",)),
        ("a={}", ({},)),
        ("a=1_000", (1000,)),
    ],
)
def test_values_and_ranges(text: str, values: tuple[object, ...]) -> None:
    assert parse_parameter(text).values == values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must be KEY=VALUE"),
        ("mix.delay_mean_s", "must be KEY=VALUE"),
        ("=1", "must be KEY=VALUE"),
        ("Mix=1", "must be KEY=VALUE"),
        ("a=", "there is no value"),
        ("a=1,,2", "a value is missing between commas"),
        ("a=1,", "a value is missing between commas"),
        ("a=1:0:1", "the range 1:0:1 never gets from 1 to 0"),
        ("a=0:1:0", "never gets from 0 to 1"),
        ("a=0:1:x2", "must rise from above 0 by a factor above 1"),
        ("a=1:9:x1", "must rise from above 0 by a factor above 1"),
        ("a=0:1:1e-9", "has more than 10000 values"),
        ("a=1:1e300:x1.0000001", "has more than 10000 values"),
        ('a="x', "is not valid TOML"),
        ("a=[1", "is not valid TOML"),
        ("a=[" + "1" * 5000 + "]", "more than 4300 digits"),
    ],
)
def test_what_is_no_option_is_refused_in_a_line(text: str, expected: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_parameter(text)
    assert str(caught.value).startswith(f"-p {text}: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)

"""Points: every combination of the values of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from simulations.scenario import Scenario, ScenarioError
from simulations.scenario.plain import plain
from simulations.sweep.parameters import parse_parameter
from simulations.sweep.points import Axis, axes_of, points_of, shown


def test_all_combinations_are_points_the_last_key_changing_fastest() -> None:
    axes = axes_of({"topology.layers": [2, 3], "mix.delay_mean_s": np.array([0.1, 0.2])})
    points = points_of(Scenario(), axes)
    assert [tuple(point.values.values()) for point in points] == [(2, 0.1), (2, 0.2), (3, 0.1), (3, 0.2)]
    assert [point.number for point in points] == [0, 1, 2, 3]
    assert points[2].scenario.topology.layers == 3
    assert points[2].scenario.mix.delay_mean_s == 0.1
    assert points[2].text == "topology.layers=3, mix.delay_mean_s=0.1"


def test_without_a_sweep_there_is_one_point() -> None:
    (point,) = points_of(Scenario(), axes_of(()))
    assert point.scenario == Scenario()
    assert point.text == ""


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ([Axis("mix.delay_mean_s", (1,)), Axis("mix.delay_mean_s", (2,))], "mix.delay_mean_s is given twice"),
        ([Axis("run.replicates", (1, 2))], "run.replicates cannot be swept"),
        ([Axis("mix.delay_mean_s", ())], "mix.delay_mean_s is swept over no values"),
        ([Axis("mix.delay_mean_s", (1, 2, 1.0))], "mix.delay_mean_s is swept over 1 twice"),
        ([Axis("mix.dealy", (1,))], 'with mix.dealy=1: unknown key "dealy" in [mix]'),
        ([Axis("mix.delay_mean_s", (1, -1))], "with mix.delay_mean_s=-1: mix.delay_mean_s is -1: must be above 0"),
        ([Axis(f"a.b{n}", tuple(range(100))) for n in range(3)], "the sweep has 1000000 points: at most 100000"),
    ],
)
def test_sweeps_that_cannot_be_are_refused(axes: list[Axis], expected: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        points_of(Scenario(), axes_of(axes))
    assert str(caught.value).startswith(expected)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_shown_so_that_they_read_back(value: float) -> None:
    assert float(shown(value)) == value


@pytest.mark.parametrize("values", [0.1, "uniform"])
def test_a_value_that_is_no_list_is_refused(values: Sequence[object]) -> None:
    with pytest.raises(ScenarioError, match=r"is swept over .*: give a list of values"):
        axes_of({"links.model": values})


@pytest.mark.parametrize("value", [object(), np.longdouble(0.1), [np.longdouble(0.1)]])
def test_what_is_no_value_of_a_key_is_refused(value: object) -> None:
    with pytest.raises(MisuseError, match="cannot be a value of a scenario"):
        axes_of({"mix.delay_mean_s": [value]})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (((0.5, 0.01), (1.0, 0.02)), "[[0.5, 0.01], [1, 0.02]]"),
        (["europe", "world"], '["europe", "world"]'),
        ({"trials": 10}, "{trials = 10}"),
        (True, "true"),
        ("world", "world"),
    ],
)
def test_values_are_shown_as_an_option_takes_them(value: object, text: str) -> None:
    assert shown(value) == text
    assert parse_parameter(f"some.key={text}").values == (plain(value),)

"""Results as a reader sees them."""

from __future__ import annotations

import msgspec
import pytest

from loopixmix.errors import MisuseError
from simulations.results.display import HEADLINES, OUTSIDE, as_object, below, check_measures, headlines, rows_of
from tests.worlds.simulations.results_by_hand import result_by_hand

SWEPT = result_by_hand({"mix.delay_mean_s": [0.1, 0.2]})


def test_rows_stand_by_measure_and_then_by_point() -> None:
    rows = rows_of(SWEPT)
    assert [(row.measure, row.point.number) for row in rows] == [
        (measure, point) for measure in ("latency_mean_s", "entropy_bits", "pool_mean") for point in (0, 1)
    ]
    assert [row.exact is None for row in rows] == [False] * 4 + [True] * 2
    assert [row.measure for row in rows_of(SWEPT, ["pool_mean"])] == ["pool_mean"] * 2


def test_a_sweep_shows_what_is_asked_for_most() -> None:
    assert set(headlines(SWEPT)) <= set(HEADLINES)
    assert headlines(result_by_hand({})) == ()


def test_a_mean_that_is_off_theory_is_marked() -> None:
    [row] = rows_of(result_by_hand({}, replicates=8), ["latency_mean_s"])
    assert row.difference.strip(" *").startswith(("+", "-"))
    assert (OUTSIDE in below(SWEPT)) == any(row.difference.endswith("*") for row in rows_of(SWEPT))


def test_a_measure_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(MisuseError, match=r'"epsilon" was not measured \(there is: latency_mean_s, entropy_bits'):
        check_measures(SWEPT, ["pool_mean", "epsilon"])


def test_programs_get_plain_values() -> None:
    read = msgspec.json.decode(msgspec.json.encode(as_object(SWEPT)))
    assert read["engine"] == "nodes"
    assert read["points"][1]["values"] == {"mix.delay_mean_s": 0.2}
    assert read["points"][0]["measures"]["pool_mean"]["exact"] is None

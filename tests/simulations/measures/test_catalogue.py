"""The catalogue of measures."""

from __future__ import annotations

import msgspec
import pytest

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import MEASURES, Measure, by_name, unit_of


def test_a_member_is_its_name_with_a_unit_and_a_meaning() -> None:
    assert Measure.LATENCY_MEAN_S == "latency_mean_s"
    assert (Measure.LATENCY_MEAN_S.unit, Measure.POOL_MEAN.unit) == ("s", "packets")
    assert all(measure.meaning and measure.name.lower() == measure.value for measure in Measure)
    assert len({measure.value for measure in Measure}) == len(MEASURES) == 46


def test_figures_travel_by_plain_names() -> None:
    figures = by_name({Measure.EPSILON: 0.5})
    assert [type(name) for name in figures] == [str]
    assert msgspec.json.decode(msgspec.json.encode(figures)) == {"epsilon": 0.5}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("entropy_bits", "bit"),
        ("attack.fifo.success.low", "1"),
        ("attack.n_minus_one.detection_s", "s"),
        ("attack.disclosure.rounds_needed", "rounds"),
        ("attack.mine.remaining_users.high", "users"),
    ],
)
def test_units_are_known_of_measures_and_of_any_attack(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_a_name_that_no_measure_has_is_refused() -> None:
    with pytest.raises(MisuseError, match=r'no measure is called "entropy" \(there are: latency_s, '):
        unit_of("entropy")

"""Entropy over uneven stages and corrupt mixes: against the closed forms at the ends, and against propagation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from simulations.formulas.entropy import layered_entropy_bits, one_mix_entropy_bits
from simulations.formulas.paths import (
    Alike,
    PathStage,
    TargetClass,
    class_quantile_bits,
    path_entropy_bits,
    target_classes,
)


def stage(rate_per_s: float, width: int, *, corrupt: int = 0, ended: float = 0.0) -> PathStage:
    return PathStage(rate_per_s, ended, (Alike(width - corrupt, 1 / width),) if corrupt < width else ())


@given(rate=st.floats(10, 1e6), width=st.integers(1, 20), layers=st.integers(1, 6), delay=st.floats(0.1, 10))
def test_honest_layers_alike_have_the_published_closed_form(rate: float, width: int, layers: int, delay: float) -> None:
    if rate * delay / width < 1:
        return
    bits = path_entropy_bits([stage(rate, width)] * layers, delay)
    assert bits == pytest.approx(layered_entropy_bits(rate, delay, layers, width=width), abs=1e-9)


def test_one_honest_layer_of_three_is_one_mix() -> None:
    classes = target_classes([stage(3000, 3, corrupt=3), stage(3000, 3), stage(3000, 3, corrupt=3)], 0.2)
    [only] = classes
    assert only.share == pytest.approx(1.0)
    assert only.bits == pytest.approx(one_mix_entropy_bits(3000, 0.2, 3))


def test_all_corrupt_targets_are_known() -> None:
    classes = target_classes([stage(1000, 10, corrupt=1)] * 3, 0.5)
    assert sum(each.share for each in classes) == pytest.approx(1.0)
    [known] = [each for each in classes if each.bits == 0.0]
    assert known.share == pytest.approx(1e-3)
    assert path_entropy_bits([stage(1000, 10, corrupt=10)] * 3, 0.5) == 0.0


@given(corrupt=st.integers(0, 9), delay=st.floats(0.5, 5))
def test_more_corrupt_mixes_leave_less_entropy(corrupt: int, delay: float) -> None:
    more = path_entropy_bits([stage(5000, 10, corrupt=corrupt + 1)] * 3, delay)
    assert more < path_entropy_bits([stage(5000, 10, corrupt=corrupt)] * 3, delay)


def test_packets_that_end_on_the_way_keep_the_mass_they_have_there() -> None:
    # Half of the packets end after the first stage: half the mass stays with as many packets as a single mix has.
    first, second = stage(1000, 2), PathStage(500, 0.5, (Alike(2, 0.5),))
    expected = 0.5 * one_mix_entropy_bits(1000, 1.0, 2) + 0.5 * (layered_entropy_bits(500, 1.0, 2) + 1)
    assert path_entropy_bits([first, second], 1.0) == pytest.approx(expected)


def test_quantiles_over_classes() -> None:
    classes = (TargetClass(0.9, 13.0), TargetClass(0.09, 9.0), TargetClass(0.01, 0.0))
    assert class_quantile_bits(classes, 0.005) == 0.0
    assert class_quantile_bits(classes, 0.05) == 9.0
    assert class_quantile_bits(classes, 0.5) == 13.0
    assert class_quantile_bits(classes, 1.0) == 13.0


def test_paths_without_stages_or_packets_are_refused() -> None:
    with pytest.raises(MisuseError):
        target_classes([], 1.0)
    with pytest.raises(MisuseError):
        target_classes([stage(0.0, 2)], 1.0)

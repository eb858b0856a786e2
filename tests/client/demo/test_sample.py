"""The arithmetic of measured times."""

from __future__ import annotations

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from client.demo.sample import Sample, gamma_check


def sample_of(values: list[float]) -> Sample:
    mean_s = statistics.fmean(values) if values else 0.0
    return Sample(count=len(values), mean_s=mean_s, squares_s2=sum((value - mean_s) ** 2 for value in values))


times = st.lists(st.floats(0, 10), min_size=1, max_size=30)


@given(times, times)
def test_samples_add_up_and_come_apart_again(first: list[float], second: list[float]) -> None:
    whole = sample_of(first).plus(sample_of(second))
    oracle = sample_of(first + second)
    assert whole.count == oracle.count
    assert abs(whole.mean_s - oracle.mean_s) < 1e-9
    assert abs(whole.squares_s2 - oracle.squares_s2) < 1e-6
    rest = whole.since(sample_of(first))
    assert abs(rest.mean_s - sample_of(second).mean_s) < 1e-6
    assert abs(rest.squares_s2 - sample_of(second).squares_s2) < 1e-4


def round_trips(rng: random.Random, *, shape: float, mean_s: float) -> Sample:
    return sample_of([rng.gammavariate(shape, mean_s) for _ in range(400)])


def test_gamma_round_trips_pass_and_others_fail(rng: random.Random) -> None:
    def passes(sample: Sample, overhead_s: float = 0.0) -> bool:
        check = gamma_check("x", sample, shape=3, delay_mean_s=0.05, overhead_s=overhead_s, detail="")
        return check.passed

    assert passes(round_trips(rng, shape=3, mean_s=0.05))
    assert not passes(round_trips(rng, shape=2, mean_s=0.05))
    assert not passes(round_trips(rng, shape=3, mean_s=0.08))
    assert not passes(Sample())
    assert not passes(sample_of([0.45] * 400), overhead_s=0.3)
